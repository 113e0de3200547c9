"""Members that write one answer together, joined at every token.

Letters: N prompts, K members, B rows, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.storage.kinds import class_of, kind_of
from acclimate.ensembles.members import as_children
from acclimate.ensembles.token_level.member_prompts import (
    MemberPrompts,
    completed,
    effective_weights,
    encode_for_members,
    ending_of,
    passages_of,
    to_answer,
    to_weigh,
)
from acclimate.ensembles.token_level.mixtures import CombinationRule
from acclimate.ensembles.token_level.shared_pass import share_passes
from acclimate.inference.engine.request import CombineLogits
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
    joining: CombinationRule,
    weights: torch.Tensor,
    temperatures: torch.Tensor | None = None,
) -> list[Completion]:
    """One answer to each prompt, in order, whose every token all members write together.

    A member whose window a prompt does not fit is left out of that answer.

    Args:
        members: Local networks of one vocabulary, under rewriters or not.
        prompts: As each member is to rewrite and lay them out for itself.
        sampling: How a token is drawn.
        joining: What the members' distributions come to.
        weights: Of each member for each prompt, (N, K), not negative.
        temperatures: Of each prompt's joined distribution, (N,), above 0; besides `sampling`'s.

    Raises:
        BackendError: A prompt that fits no member.
    """
    encode = to_answer(sampling.max_new_tokens)
    seats = encode_for_members(members, [(prompt, ()) for prompt in prompts], encode)
    shares = effective_weights(weights, seats)
    readers, apart = share_passes(seats)

    def join(logits: Sequence[torch.Tensor], rows: Sequence[int]) -> torch.Tensor:
        scores = joining.scores(apart(logits), shares[list(rows)])
        if temperatures is None:
            return scores
        return scores / temperatures[list(rows), None].to(scores.device)

    ending = ending_of(seats, sampling)
    begin = partial(_sampling_state, sampling, ending, seats[0].contexts)
    written = decode_jointly(readers, sampling, is_stop=ending.is_met, join=join, begin=begin)
    return completed(seats, [ending.text(ids) for ids in written], list(map(len, written)))


def _sampling_state(
    sampling: Sampling, ending: StopCondition, contexts: Sequence[list[int]], index: int
) -> SamplingState:
    """How the answer to a prompt is drawn, given what the first member reads of it."""
    constraint = constraint_of(sampling, ending.tokenizer, ending.stop_ids)
    return SamplingState(sampling, index, contexts[index], constraint)


def weigh_jointly(
    members: Sequence[Model], pairs: Sequence[Pair], joining: CombinationRule, weights: torch.Tensor
) -> list[LogLikelihood]:
    """How likely each continuation is, every token of it under the joined distribution.

    Args:
        members: As in `answer_jointly`.
        pairs: Prompts with continuations, which are the tokens that the first member makes of
            them.
        joining: What the members' distributions come to.
        weights: Of each member for each pair, (N, K); of one prompt, those of its first pair.
    """
    asked: dict[Prompt, list[int]] = {}
    for index, (prompt, _) in enumerate(pairs):
        asked.setdefault(prompt, []).append(index)
    questions = [(p, tuple(pairs[i][1] for i in own)) for p, own in asked.items()]
    seats = encode_for_members(members, questions, to_weigh)
    shares = effective_weights(weights[[own[0] for own in asked.values()]], seats)
    tokens = _tokens(seats)
    scores = score_jointly(_requests(seats, tokens), _logprobs(joining, shares)) if pairs else []
    weighed: dict[int, LogLikelihood] = {}
    for place, own in enumerate(asked.values()):
        shown = passages_of(seats, place)
        for index, ids, logprob in zip(own, tokens[place], scores[place], strict=True):
            num_bytes = len(pairs[index][1].encode())
            weighed[index] = LogLikelihood(logprob, len(ids), num_bytes, shown)
    return [weighed[index] for index in range(len(pairs))]


def expected(members: Sequence[Model], pairs: Sequence[Pair]) -> Iterator[ForcedLogits]:
    """What each member expects at every token of the continuations, teacher-forced.

    Pairs that do not fit every member are passed over.
    """
    seats = encode_for_members(members, [(prompt, (text,)) for prompt, text in pairs], to_weigh)
    for found in forced_logits(_requests(seats, _tokens(seats))):
        if all(seat.is_present[found.request] for seat in seats):
            yield found


def _tokens(seats: Sequence[MemberPrompts]) -> list[list[list[int]]]:
    """Continuations of each prompt as the first member that reads it has them."""
    rows = zip(*(seat.encoded for seat in seats), strict=True)
    return [next(found[2] for found in row if isinstance(found, tuple)) for row in rows]


def _requests(
    seats: Sequence[MemberPrompts], tokens: list[list[list[int]]]
) -> list[tuple[Any, Any]]:
    return [(seat.core.network, seat.requests(tokens)) for seat in seats]


def _logprobs(joining: CombinationRule, shares: torch.Tensor) -> CombineLogits:
    return lambda logits, rows: joining.logprobs(logits, shares[list(rows)])


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
        weights = {task: list(own) for task, own in self.weights.items()}
        how = {"of": kind_of(type(self.rule)), **self.rule.model_dump(mode="json")}
        return {"joining": how, "weights": weights}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        how = dict(fields["joining"])
        joining = class_of(how.pop("of"), CombinationRule)(**how)
        weights = {task: tuple(own) for task, own in fields["weights"].items()}
        return cls(tuple(children.values()), joining, weights)
