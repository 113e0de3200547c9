"""Answers that a policy wrote and what was noted of them, as batches to learn."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from acclimate.alignment.ppo_loss import Experience
from acclimate.alignment.token_logprobs import in_passes
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.seeding import derive
from acclimate.training.batch_source import ExampleSource
from acclimate.training.packing import IGNORED, Batch, TokenizedExample, one_a_row

Draw = Callable[[Any, Sequence[Prompt], int], Sequence[tuple[TokenizedExample, str]]]
"""From a model, prompts and a seed to an answer each: its tokens after those of the prompt, and
what it says without its end."""


@dataclass(frozen=True)
class Rollout:
    """An answer to learn from."""

    example: TokenizedExample
    experience: Experience


_NOTHING = Experience(*[torch.zeros(0)] * 4)


@dataclass(frozen=True)
class RolloutBatch(Batch):
    """Rows of answers; a target is a token that was written."""

    experience: Experience = field(default_factory=lambda: _NOTHING)

    def idle(self) -> "RolloutBatch":
        """The same rows with nothing to learn from them."""
        labels = torch.full_like(self.labels, IGNORED)
        return replace(self, labels=labels, num_tokens=0, experience=_NOTHING)


@dataclass
class RolloutSource:
    """Answers written anew each round by the policy as it is then, and passed over a few times."""

    write: Callable[[int], Sequence[Rollout]]
    """Gives the answers of a round, by its number."""
    steps_per_round: int
    batch_size: int
    seed: int
    is_seq2seq: bool
    _written: dict[int, ExampleSource] = field(default_factory=dict)
    """The round under way."""

    def passes(self, step: int, rank: int, size: int) -> Sequence[Batch]:
        """The step's share; at a round's first step its answers are written.

        Every process writes all of them, from the same seed, and learns from its share.
        """
        number, place = divmod(step, self.steps_per_round)
        if number not in self._written:
            lay_out_here = partial(collate_rollouts, is_seq2seq=self.is_seq2seq)
            told: dict[str, Any] = {"is_seq2seq": self.is_seq2seq, "collate": lay_out_here}
            told |= {"batch_size": self.batch_size, "seed": derive(self.seed, "round", number)}
            written: Any = self.write(number)
            self._written = {number: ExampleSource(written, (), **told)}
        return self._written[number].passes(place, rank, size)

    def dev_passes(self, rank: int, size: int) -> Iterable[Batch]:
        """None: a loss on what another policy wrote says little."""
        return ()

    @property
    def has_dev(self) -> bool:
        """Never."""
        return False

    @property
    def targets_per_byte(self) -> float | None:
        """None: answers are no running text."""
        return None

    def named(self, step: int) -> str:
        """The step's place."""
        number, place = divmod(step, self.steps_per_round)
        return f"step {place + 1} of {self.steps_per_round} in round {number + 1}"


def collate_rollouts(rollouts: Sequence[Rollout], *, is_seq2seq: bool) -> Iterator[RolloutBatch]:
    """Batches of answers, one a row, in order."""
    for some in in_passes([len(rollout.example) for rollout in rollouts]):
        batch = one_a_row([r.example for r in rollouts[some]], is_seq2seq=is_seq2seq)
        noted = Experience.joined([r.experience for r in rollouts[some]])
        yield RolloutBatch(batch.inputs, batch.labels, batch.num_tokens, experience=noted)
