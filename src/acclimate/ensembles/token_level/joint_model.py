"""Answers of several networks whose logits are combined at every token.

Letters: N prompts, K members, B rows, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.storage.kinds import class_of, kind_of
from acclimate.ensembles.members import as_children
from acclimate.ensembles.token_level.member_prompts import (
    MemberPrompts,
    completions_of,
    effective_weights,
    encode_for_members,
    passages_of,
    stop_condition_of,
    to_answer,
    to_weigh,
)
from acclimate.ensembles.token_level.mixtures import CombinationRule
from acclimate.ensembles.token_level.shared_pass import SplitLogits, share_passes
from acclimate.inference.engine.request import CombineLogits, NewSamplingState
from acclimate.inference.generate import decode_jointly
from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.scoring.loglikelihood import ForcedLogits, forced_logits, score_jointly
from acclimate.inference.stop_strings import StopCondition
from acclimate.inference.structured.constraint import constraint_of

MemberWeights = Mapping[str, tuple[float, ...]]
"""Of each member, by task; under the empty name, of all other tasks."""


def answer_jointly(
    members: Sequence[Model],
    prompts: Sequence[Prompt],
    sampling: Sampling,
    rule: CombinationRule,
    weights: torch.Tensor,
    temperatures: torch.Tensor | None = None,
) -> list[Completion]:
    """One answer to each prompt, in order, whose every token all members write together.

    A member whose window a prompt does not fit is left out of that answer.

    Args:
        members: Local networks of one vocabulary, under rewriters or not.
        prompts: As each member is to rewrite and lay them out for itself.
        sampling: How a token is drawn.
        rule: How the members' distributions are combined.
        weights: Of each member for each prompt, (N, K), not negative.
        temperatures: Of each prompt's joined distribution, (N,), above 0; besides `sampling`'s.

    Raises:
        BackendError: A prompt that fits no member.
    """
    questions = [(prompt, ()) for prompt in prompts]
    member_prompts = encode_for_members(members, questions, to_answer(sampling.max_new_tokens))
    shares = effective_weights(weights, member_prompts)
    sources, split = share_passes(member_prompts)
    ending = stop_condition_of(member_prompts, sampling)
    written = decode_jointly(
        sources,
        sampling,
        is_stop=ending.is_met,
        join=_scores(rule, split, shares, temperatures),
        begin=_sampling_states(member_prompts[0].contexts, sampling, ending),
    )
    texts = [ending.text(ids) for ids in written]
    return completions_of(member_prompts, texts, list(map(len, written)))


def _scores(
    rule: CombinationRule,
    split: SplitLogits,
    shares: torch.Tensor,
    temperatures: torch.Tensor | None,
) -> CombineLogits:
    """Logits (B, V) to draw from, of what each source gives, at the rows' temperatures."""

    def combine(logits: Sequence[torch.Tensor], rows: Sequence[int]) -> torch.Tensor:
        scores = rule.scores(split(logits), shares[list(rows)])
        if temperatures is None:
            return scores
        return scores / temperatures[list(rows), None].to(scores.device)

    return combine


def _sampling_states(
    contexts: Sequence[list[int]], sampling: Sampling, ending: StopCondition
) -> NewSamplingState:
    """How each answer is drawn: after its context, under the constraint if there is one."""

    def begin(index: int) -> SamplingState:
        constraint = constraint_of(sampling, ending.tokenizer, ending.stop_ids)
        return SamplingState(sampling, index, contexts[index], constraint)

    return begin


def weigh_jointly(
    members: Sequence[Model], pairs: Sequence[Pair], rule: CombinationRule, weights: torch.Tensor
) -> list[LogLikelihood]:
    """How likely each continuation is, every token of it under the joined distribution.

    Args:
        members: As in `answer_jointly`.
        pairs: Prompts with continuations, which are the tokens that the first member makes of
            them.
        rule: How the members' distributions are combined.
        weights: Of each member for each pair, (N, K); of one prompt, those of its first pair.
    """
    pairs_of: dict[Prompt, list[int]] = {}
    for index, (prompt, _) in enumerate(pairs):
        pairs_of.setdefault(prompt, []).append(index)
    questions = [(p, tuple(pairs[i][1] for i in indices)) for p, indices in pairs_of.items()]
    member_prompts = encode_for_members(members, questions, to_weigh)
    shares = effective_weights(
        weights[[indices[0] for indices in pairs_of.values()]], member_prompts
    )
    tokens = _tokens(member_prompts)
    scores = (
        score_jointly(_requests(member_prompts, tokens), _logprobs(rule, shares)) if pairs else []
    )
    weighed: dict[int, LogLikelihood] = {}
    for row, indices in enumerate(pairs_of.values()):
        shown = passages_of(member_prompts, row)
        for index, ids, logprob in zip(indices, tokens[row], scores[row], strict=True):
            num_bytes = len(pairs[index][1].encode())
            weighed[index] = LogLikelihood(logprob, len(ids), num_bytes, shown)
    return [weighed[index] for index in range(len(pairs))]


def expected(members: Sequence[Model], pairs: Sequence[Pair]) -> Iterator[ForcedLogits]:
    """What each member expects at every token of the continuations, teacher-forced.

    Pairs that do not fit every member are passed over.
    """
    member_prompts = encode_for_members(
        members, [(prompt, (text,)) for prompt, text in pairs], to_weigh
    )
    for forced in forced_logits(_requests(member_prompts, _tokens(member_prompts))):
        if all(member.is_present[forced.request] for member in member_prompts):
            yield forced


def _tokens(member_prompts: Sequence[MemberPrompts]) -> list[list[list[int]]]:
    """Continuations of each prompt as the first member that reads it has them."""
    rows = zip(*(member.encoded for member in member_prompts), strict=True)
    return [next(encoded[2] for encoded in row if isinstance(encoded, tuple)) for row in rows]


def _requests(
    member_prompts: Sequence[MemberPrompts], tokens: list[list[list[int]]]
) -> list[tuple[Any, Any]]:
    return [(member.core.network, member.requests(tokens)) for member in member_prompts]


def _logprobs(rule: CombinationRule, shares: torch.Tensor) -> CombineLogits:
    return lambda logits, rows: rule.logprobs(logits, shares[list(rows)])


@dataclass(frozen=True, eq=False)
class JointModel(Model):
    """Answers with several networks joined at every token."""

    kind: ClassVar[str] = "joint"

    members: tuple[Model, ...]
    rule: CombinationRule
    weights: MemberWeights

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """As `answer_jointly`, by the weights of each prompt's task."""
        weights = self.weights_of(prompts)
        return answer_jointly(self.members, prompts, sampling, self.rule, weights)

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """As `weigh_jointly`."""
        weights = self.weights_of([prompt for prompt, _ in pairs])
        return weigh_jointly(self.members, pairs, self.rule, weights)

    def weights_of(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Of each member for each prompt, (N, K)."""
        rows = [self.weights.get(prompt.task, self.weights[""]) for prompt in prompts]
        return torch.tensor(rows).reshape(len(prompts), len(self.members))

    @property
    def children(self) -> Mapping[str, Model]:
        """The members."""
        return as_children(self.members)

    def write(self, folder: Path) -> dict[str, Any]:
        """Numbers alone: the members save themselves."""
        weights = {task: list(values) for task, values in self.weights.items()}
        rule_fields = {"of": kind_of(type(self.rule)), **self.rule.model_dump(mode="json")}
        return {"joining": rule_fields, "weights": weights}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        rule_fields = dict(fields["joining"])
        rule = class_of(rule_fields.pop("of"), CombinationRule)(**rule_fields)
        weights = {task: tuple(values) for task, values in fields["weights"].items()}
        return cls(tuple(children.values()), rule, weights)
