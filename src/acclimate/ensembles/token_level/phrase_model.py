"""Members that write an answer by phrases: each proposes one, the best is taken."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.record import Record
from acclimate.core.runtime.seeding import derive
from acclimate.ensembles.members import as_children
from acclimate.ensembles.token_level.joint_model import JointModel
from acclimate.ensembles.token_level.member_prompts import (
    MemberPrompts,
    completions_of,
    effective_weights,
    encode_for_members,
    stop_condition_of,
    to_answer,
)
from acclimate.ensembles.token_level.mixtures import Mixture
from acclimate.inference.generate import decode
from acclimate.inference.scoring.loglikelihood import score
from acclimate.inference.scoring.teacher_forcing import ScoringRequest
from acclimate.inference.stop_strings import StopCondition

Phrase = tuple[int, ...]
"""Token ids."""


class PhraseSettings(Record):
    """Where a phrase ends."""

    boundary: str
    """After a token that holds any of these characters."""
    max_phrase_tokens: int
    """After so many tokens at the latest."""


@dataclass(frozen=True, eq=False)
class PhraseModel(Model):
    """Answers with the phrases that its members, causal networks of one vocabulary, like best."""

    kind: ClassVar[str] = "phrase"

    members: tuple[Model, ...]
    phrasing: PhraseSettings
    weights: tuple[float, ...]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Phrase by phrase for all prompts side by side, until each answer is done."""
        member_prompts = encode_for_members(
            self.members, [(p, ()) for p in prompts], to_answer(sampling.max_new_tokens)
        )
        decoding = _PhraseDecoding(
            member_prompts, self._joined.weights_of(prompts).tolist(), self.phrasing, sampling
        )
        while running := decoding.running:
            decoding.add_phrases(running)
        texts = [decoding.ending.text(ids) for ids in decoding.written]
        return completions_of(member_prompts, texts, list(map(len, decoding.written)))

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """By the members' product, the distribution whose logarithm the joint score sums."""
        return self._joined.loglikelihood(pairs)

    @property
    def _joined(self) -> JointModel:
        return JointModel(self.members, Mixture(space="log"), {"": self.weights})

    @property
    def children(self) -> Mapping[str, Model]:
        """The members."""
        return as_children(self.members)

    def write(self, folder: Path) -> dict[str, Any]:
        """Numbers alone: the members save themselves."""
        return {"phrasing": self.phrasing.model_dump(), "weights": list(self.weights)}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        phrasing = PhraseSettings(**fields["phrasing"])
        return cls(tuple(children.values()), phrasing, tuple(fields["weights"]))


class _PhraseDecoding:
    """State of phrase-wise decoding: what is written of each answer."""

    def __init__(
        self,
        member_prompts: Sequence[MemberPrompts],
        weights: Sequence[Sequence[float]],
        phrasing: PhraseSettings,
        sampling: Sampling,
    ) -> None:
        import torch

        self.member_prompts, self.phrasing, self.sampling = member_prompts, phrasing, sampling
        table = torch.tensor(weights).reshape(len(weights), len(member_prompts))
        self.weights: list[list[float]] = effective_weights(table, member_prompts).tolist()
        self.ending: StopCondition = stop_condition_of(member_prompts, sampling)
        self.written: list[list[int]] = [[] for _ in weights]
        self.contexts = [member.contexts for member in member_prompts]
        self.routes = [member.routes for member in member_prompts]
        member_limits = [member.source.max_new_tokens_each for member in member_prompts]
        self.longest = [
            int(min(sampling.max_new_tokens, *limits))
            for limits in zip(*member_limits, strict=True)
        ]
        self.num_rounds = 0

    @property
    def running(self) -> list[int]:
        """Answers that are not done."""
        return [
            index
            for index, ids in enumerate(self.written)
            if not ids or (len(ids) < self.longest[index] and not self.ending.is_met(ids))
        ]

    def add_phrases(self, running: Sequence[int]) -> None:
        """Add the best phrase to each."""
        proposed = [self._proposals(member, running) for member in range(len(self.member_prompts))]
        phrases = [list(dict.fromkeys(row)) for row in zip(*proposed, strict=True)]
        scores = [
            self._scores(member, running, phrases) for member in range(len(self.member_prompts))
        ]
        for row, index in enumerate(running):
            row_scores = [member[row] for member in scores]
            backing = self._backing(index, [member[row] for member in proposed])
            self.written[index] += best(phrases[row], row_scores, self.weights[index], backing)
        self.num_rounds += 1

    def _proposals(self, member: int, running: Sequence[int]) -> list[Phrase]:
        """A member's next phrase of each; where its weight is 0, `_backing` discards it."""
        changes = {
            "max_new_tokens": self.phrasing.max_phrase_tokens,
            "seed": derive(self.sampling.seed, member, self.num_rounds),
        }
        phrases = decode(
            self.member_prompts[member].core.network,
            self._contexts_so_far(member, running),
            self.sampling.model_copy(update=changes),
            is_stop=self._is_phrase,
            routes=[self.routes[member][index] for index in running],
        )
        return [
            tuple(ids[: max(1, self.longest[index] - len(self.written[index]))])
            for ids, index in zip(phrases, running, strict=True)
        ]

    def _is_phrase(self, ids: list[int]) -> bool:
        last = str(self.ending.tokenizer.decode(ids[-1:]))
        return self.ending.is_met(ids) or any(mark in last for mark in self.phrasing.boundary)

    def _scores(
        self, member: int, running: Sequence[int], phrases: Sequence[list[Phrase]]
    ) -> list[list[float]]:
        rows = zip(self._contexts_so_far(member, running), phrases, running, strict=True)
        requests = [
            ScoringRequest(context, [list(p) for p in candidates], self.routes[member][index])
            for context, candidates, index in rows
        ]
        return score(self.member_prompts[member].core.network, requests)

    def _contexts_so_far(self, member: int, running: Sequence[int]) -> list[list[int]]:
        return [[*self.contexts[member][index], *self.written[index]] for index in running]

    def _backing(self, index: int, proposed: Sequence[Phrase]) -> dict[Phrase, float]:
        """Summed weight of the members that propose each phrase; one with none cannot win."""
        backing = dict.fromkeys(proposed, 0.0)
        for phrase, weight in zip(proposed, self.weights[index], strict=True):
            backing[phrase] += weight
        return backing


def best(
    phrases: Sequence[Phrase],
    scores: Sequence[Sequence[float]],
    weights: Sequence[float],
    backing: Mapping[Phrase, float],
) -> Phrase:
    """The phrase of the greatest joint score a token; ties go to the weight behind it, then order.

    Args:
        phrases: All different.
        scores: Of each member, each phrase's log-probability, nats.
        weights: Of each member.
        backing: What those weigh who proposed each phrase; one with none cannot win.
    """
    joint = [
        math.fsum(w * logprobs[i] for w, logprobs in zip(weights, scores, strict=True) if w)
        / len(phrase)
        for i, phrase in enumerate(phrases)
    ]
    indices = [i for i, phrase in enumerate(phrases) if backing[phrase] > 0]
    return phrases[max(indices, key=lambda i: (joint[i], backing[phrases[i]], -i))]
