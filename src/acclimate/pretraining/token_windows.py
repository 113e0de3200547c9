"""Token windows of equal length from memory-mapped shards, shuffled by a seed."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from acclimate.core.errors import DataError
from acclimate.core.runtime.seeding import derive
from acclimate.pretraining.objectives import PretrainingObjective
from acclimate.training.batch_source import MAX_PASS_TOKENS
from acclimate.training.packing import Batch

DEV_TOKENS = 65_536
"""Tokens read at each evaluation, spread over the dev text."""


class TokenSequence(Protocol):
    """A long sequence of token ids that is read a span at a time."""

    def __len__(self) -> int:
        """Number of tokens."""

    def span(self, start: int, length: int) -> npt.NDArray[np.int64]:
        """Token ids from `start` on, (length,)."""


@dataclass(frozen=True)
class TokenArray:
    """A short text's tokens, in memory."""

    ids: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str], tokenizer: Any, limit: int) -> Self:
        """The first tokens of texts laid end to end, an end of text between, about `limit`."""
        ids: list[int] = []
        for text in texts:
            ids += [*tokenizer(text, verbose=False)["input_ids"], tokenizer.eos_token_id]
            if len(ids) > limit:
                break
        return cls(np.array(ids, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def span(self, start: int, length: int) -> npt.NDArray[np.int64]:
        """A view of the token ids from `start` on, (length,)."""
        return self.ids[start : start + length]


@dataclass(frozen=True)
class WindowSource:
    """Windows of `row_tokens` over the text laid end to end; each is read once an epoch."""

    train: TokenSequence
    dev: TokenSequence | None
    objective: PretrainingObjective
    row_tokens: int
    batch_size: int
    """Rows a step, over all processes."""
    seed: int
    micro_batch_size: int = 0
    """Rows a pass; 0: as many as make a pass of fair size."""
    targets_per_byte: float | None = None
    """Targets a byte of dev text, where every token is one, for bits per byte; else None."""

    def __post_init__(self) -> None:
        if len(self.train) < self.row_tokens:
            raise DataError(
                f"the training text has {len(self.train):,} tokens, fewer than one row of "
                f"{self.row_tokens:,}; give more text or a smaller max_seq_len"
            )

    def passes(self, step: int, rank: int, size: int) -> Sequence[Batch]:
        """This process's share of the step's rows, as batches of one pass each."""
        first = step * self.batch_size
        rows = {n: self._start(n) for n in range(first, first + self.batch_size)}
        return list(self._share(self.train, rows, rank, size))

    def dev_passes(self, rank: int, size: int) -> Iterable[Batch]:
        """Windows spread evenly over the dev text; the same ones each time."""
        if self.dev is None or not self.has_dev:
            return ()
        fit = (len(self.dev) - 1) // self._stride
        count = min(fit, max(1, DEV_TOKENS // self._stride))
        rows = {-1 - n: n * self._stride for n in (i * fit // count for i in range(count))}
        return self._share(self.dev, rows, rank, size)

    @property
    def has_dev(self) -> bool:
        """Whether the dev text fills a row."""
        return self.dev is not None and len(self.dev) > self.row_tokens

    def named(self, step: int) -> str:
        """Where the step's rows begin in the text."""
        first = step * self.batch_size
        starts = [self._start(n) for n in range(first, first + self.batch_size)]
        return "rows at tokens " + ", ".join(f"{start:,}" for start in starts[:8])

    @property
    def _stride(self) -> int:
        return self.row_tokens - 1  # the last token of a row is the first of the next

    @cached_property
    def _num_windows(self) -> int:
        return max(1, (len(self.train) - 1) // self._stride)

    @cached_property
    def rows_a_pass(self) -> int:
        """Rows of one forward and backward pass."""
        return self.micro_batch_size or max(1, MAX_PASS_TOKENS // self.row_tokens)

    def _start(self, number: int) -> int:
        """First token of row `number` of the run: each epoch permutes all windows anew."""
        epoch, index = divmod(number, self._num_windows)
        return self._stride * _shuffled(index, self._num_windows, derive(self.seed, "epoch", epoch))

    def _share(
        self, tokens: TokenSequence, rows: Mapping[int, int], rank: int, size: int
    ) -> Iterator[Batch]:
        """The rows of one process as batches; `rows` maps each number to its first token."""
        mine = list(rows.items())[rank::size]
        if not mine:
            yield self._batch(tokens, list(rows.items())[:1]).idle()
        for i in range(0, len(mine), self.rows_a_pass):
            yield self._batch(tokens, mine[i : i + self.rows_a_pass])

    def _batch(self, tokens: TokenSequence, rows: Sequence[tuple[int, int]]) -> Batch:
        spans = np.stack([tokens.span(start, self.row_tokens) for _, start in rows])
        return self.objective(spans, [derive(self.seed, "row", number) for number, _ in rows])


def _shuffled(index: int, count: int, seed: int) -> int:
    """Image of `index` under a pseudorandom permutation of `count` that takes no memory.

    A Feistel network of four rounds over the next square, repeated until it falls inside (Black and
    Rogaway 2002): the cost of a row does not depend on their number.
    """
    side = math.isqrt(max(0, count - 1)) + 1
    while True:
        left, right = divmod(index, side)
        for turn in range(4):
            left, right = right, (left + derive(seed, turn, right)) % side
        index = left * side + right
        if index < count:
            return index
