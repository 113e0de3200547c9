"""Rollouts, answers of a policy with their experience, as training batches."""

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
"""From a model, prompts and a seed to an answer each: its tokens after those of the prompt, and its
text without the end."""


@dataclass(frozen=True)
class Rollout:
    """A sampled answer with what PPO needs of its tokens."""

    example: TokenizedExample
    experience: Experience


_NOTHING = Experience(*[torch.zeros(0)] * 4)


@dataclass(frozen=True)
class RolloutBatch(Batch):
    """Rows of answers; a target is a token of an answer."""

    experience: Experience = field(default_factory=lambda: _NOTHING)

    def idle(self) -> "RolloutBatch":
        """The same rows with nothing to learn from them."""
        labels = torch.full_like(self.labels, IGNORED)
        return replace(self, labels=labels, num_tokens=0, experience=_NOTHING)


@dataclass
class RolloutSource:
    """Answers sampled each round by the policy as it is then, and read a few times (epochs)."""

    write: Callable[[int], Sequence[Rollout]]
    """Samples the answers of a round, by its number."""
    steps_per_round: int
    batch_size: int
    seed: int
    is_seq2seq: bool
    _written: dict[int, ExampleSource] = field(default_factory=dict)
    """The current round, by its number."""

    def passes(self, step: int, rank: int, size: int) -> Sequence[Batch]:
        """The process's share of the step; at a round's first step its answers are sampled.

        Every process samples all of them, from the same seed, and learns from its share.
        """
        number, index = divmod(step, self.steps_per_round)
        if number not in self._written:
            collate = partial(collate_rollouts, is_seq2seq=self.is_seq2seq)
            options: dict[str, Any] = {"is_seq2seq": self.is_seq2seq, "collate": collate}
            options |= {"batch_size": self.batch_size, "seed": derive(self.seed, "round", number)}
            written: Any = self.write(number)
            self._written = {number: ExampleSource(written, (), **options)}
        return self._written[number].passes(index, rank, size)

    def dev_passes(self, rank: int, size: int) -> Iterable[Batch]:
        """None: a loss on another policy's answers says little."""
        return ()

    @property
    def has_dev(self) -> bool:
        """False."""
        return False

    @property
    def targets_per_byte(self) -> float | None:
        """None: answers are no running text."""
        return None

    def named(self, step: int) -> str:
        """The step's number in its round."""
        number, index = divmod(step, self.steps_per_round)
        return f"step {index + 1} of {self.steps_per_round} in round {number + 1}"


def collate_rollouts(rollouts: Sequence[Rollout], *, is_seq2seq: bool) -> Iterator[RolloutBatch]:
    """Batches of answers, one a row, in order."""
    for some in in_passes([len(rollout.example) for rollout in rollouts]):
        batch = one_a_row([r.example for r in rollouts[some]], is_seq2seq=is_seq2seq)
        experience = Experience.joined([r.experience for r in rollouts[some]])
        yield RolloutBatch(batch.inputs, batch.labels, batch.num_tokens, experience=experience)
