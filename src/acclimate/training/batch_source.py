"""Batches of a training run by step number, the same each time."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from acclimate.core.runtime.seeding import derive
from acclimate.training.packing import (
    Batch,
    TokenizedExample,
    causal_batches,
    epoch,
    seq2seq_batches,
)

MAX_PASS_TOKENS = 4096
"""Tokens in one forward and backward pass; a larger step is accumulated."""


class BatchSource(Protocol):
    """Gives the batches of any step, and those of dev; a batch is one forward and backward pass.

    A process whose share is empty still gets one batch, an idle one.
    """

    def passes(self, step: int, rank: int, size: int) -> Sequence[Batch]:
        """The batches of process `rank` of `size` in a step; never empty."""

    def dev_passes(self, rank: int, size: int) -> Iterable[Batch]:
        """Its dev batches of each evaluation; never empty where there is any dev."""

    @property
    def has_dev(self) -> bool:
        """Whether there is dev data."""

    @property
    def targets_per_byte(self) -> float | None:
        """Targets a byte of dev text, where every token of running text is one; else None."""

    def named(self, step: int) -> str:
        """Name of a step's data for error messages, so that a fault can be found there."""


@dataclass(frozen=True)
class ExampleSource:
    """Prompts with answers, shuffled anew each epoch and packed into rows."""

    train: Sequence[TokenizedExample]
    dev: Sequence[TokenizedExample]
    batch_size: int
    seed: int
    is_seq2seq: bool
    dtype: torch.dtype = torch.float32
    collate: Callable[[Sequence[Any]], Iterable[Batch]] | None = None
    """Makes batches of examples that are not `TokenizedExample`; None: the packing of this file."""

    @classmethod
    def of(
        cls,
        network: Any,
        train: Sequence[TokenizedExample],
        dev: Sequence[TokenizedExample],
        **options: Any,
    ) -> Any:
        """Examples as the inputs of a network: decoder or encoder-decoder, in its number format."""
        is_seq2seq = bool(network.config.is_encoder_decoder)
        return cls(train, dev, is_seq2seq=is_seq2seq, dtype=network.dtype, **options)

    def passes(self, step: int, rank: int, size: int) -> Sequence[Batch]:
        """The step's examples; every process needs one at least."""
        each = math.ceil(len(self.train) / self.batch_size)
        round_seed = derive(self.seed, step // each)
        groups = list(epoch(self.train, self.batch_size, seed=round_seed))
        return list(self._share(groups[step % each], rank, size))

    def dev_passes(self, rank: int, size: int) -> Iterable[Batch]:
        """The dev examples of this process."""
        return self._share(self.dev, rank, size) if self.dev else ()

    @property
    def has_dev(self) -> bool:
        """Whether there are dev examples."""
        return bool(self.dev)

    @property
    def targets_per_byte(self) -> float | None:
        """None: answers after prompts are no running text."""
        return None

    def named(self, step: int) -> str:
        """The step's number in its epoch."""
        each = math.ceil(len(self.train) / self.batch_size)
        return f"batch {step % each + 1} of {each} in epoch {step // each + 1}"

    def _share(self, examples: Sequence[TokenizedExample], rank: int, size: int) -> Iterable[Batch]:
        mine = examples[rank::size]
        if mine:
            return self._batches(mine)
        return (batch.idle() for batch in self._batches(examples[:1]))

    def _batches(self, examples: Sequence[TokenizedExample]) -> Iterable[Batch]:
        if self.collate is not None:
            return self.collate(examples)
        if self.is_seq2seq:
            return seq2seq_batches(examples, max_tokens=MAX_PASS_TOKENS)
        return causal_batches(examples, max_tokens=MAX_PASS_TOKENS, dtype=self.dtype)
