"""Examples packed into rows with little padding; none attends to another.

Letters: B rows, T tokens of a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from acclimate.nn.adapters.routing import NO_ADAPTER, as_keyword

IGNORED = -100
"""The label of a token that is not learned (cross-entropy's `ignore_index`)."""

ROW_TOKENS = 256
"""Rows are filled up to this, or to the longest item: longer rows waste attention."""


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """A prompt and the answer to learn after it, as token ids."""

    prompt: Sequence[int]
    answer: Sequence[int]
    is_learned: Sequence[bool] = ()
    """Which tokens of the answer are learned, where a decoder reads a dialogue; empty: all."""
    route: int | None = None
    """Which of a network's adapters it goes through; None: the network has no choice."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Batch:
    """The input of one pass: keyword arguments of the network, and the labels (B, T)."""

    inputs: dict[str, Any]
    labels: torch.Tensor
    num_tokens: int
    rows: Sequence[Sequence[TokenizedExample]] = ()
    """The examples of each row, one after another; empty where they are not known."""

    @property
    def num_targets(self) -> int:
        """Tokens that are learned."""
        return int((self.labels != IGNORED).sum())

    def idle(self) -> "Batch":
        """The same rows without targets, for a process that has none left in a step."""
        return Batch(self.inputs, torch.full_like(self.labels, IGNORED), num_tokens=0)


def epoch(
    examples: Sequence[TokenizedExample], batch_size: int, *, seed: int
) -> Iterator[Sequence[TokenizedExample]]:
    """The examples in a shuffled order, `batch_size` at a time."""
    order = np.random.default_rng(seed).permutation(len(examples))
    for start in range(0, len(order), batch_size):
        yield [examples[i] for i in order[start : start + batch_size]]


def pack(examples: Sequence[TokenizedExample], row_tokens: int) -> list[list[TokenizedExample]]:
    """Rows of examples by first-fit decreasing (within 11/9 of the fewest rows; Johnson 1973)."""
    capacity = max(row_tokens, *map(len, examples))
    rows: list[list[TokenizedExample]] = []
    free: list[int] = []
    for example in sorted(examples, key=len, reverse=True):
        for index, room in enumerate(free):
            if len(example) <= room:
                rows[index].append(example)
                free[index] -= len(example)
                break
        else:
            rows.append([example])
            free.append(capacity - len(example))
    return rows


def causal_batches(
    examples: Sequence[TokenizedExample], *, max_tokens: int, dtype: torch.dtype
) -> Iterator[Batch]:
    """Batches for a decoder, each of at most `max_tokens` (or one row)."""
    rows = pack(examples, ROW_TOKENS)
    width = max(sum(map(len, row)) for row in rows)
    per_batch = max(1, max_tokens // width)
    for start in range(0, len(rows), per_batch):
        yield _causal(rows[start : start + per_batch], dtype)


def seq2seq_batches(examples: Sequence[TokenizedExample], *, max_tokens: int) -> Iterator[Batch]:
    """Batches for an encoder-decoder: prompts to the encoder, answers to the decoder."""
    ordered = sorted(examples, key=len)
    per_batch = max(1, max_tokens // max(map(len, examples)))
    for start in range(0, len(ordered), per_batch):
        yield _seq2seq(ordered[start : start + per_batch])


def one_a_row(examples: Sequence[TokenizedExample], *, is_seq2seq: bool) -> Batch:
    """A batch that keeps the examples in order, a row each."""
    if is_seq2seq:
        return _seq2seq(examples)
    batch = _causal([[example] for example in examples], torch.float32)
    # Padding stands behind all other tokens: the causal mask of the network hides it already.
    inputs = {k: v for k, v in batch.inputs.items() if k in {"input_ids", "routes"}}
    return Batch(inputs, batch.labels, batch.num_tokens)


def _seq2seq(group: Sequence[TokenizedExample]) -> Batch:
    ids = _padded([e.prompt for e in group], 0)
    mask = _padded([[1] * len(e.prompt) for e in group], 0)
    labels = _padded([e.answer for e in group], IGNORED)
    inputs = {"input_ids": ids, "attention_mask": mask, **as_keyword([e.route for e in group])}
    return Batch(inputs, labels, sum(map(len, group)))


def _causal(rows: Sequence[Sequence[TokenizedExample]], dtype: torch.dtype) -> Batch:
    """Ids, positions and labels (B, T), and the attention mask (B, 1, T, T)."""
    width = max(sum(map(len, row)) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    positions = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    owner = torch.zeros_like(ids)
    routes = torch.full_like(ids, NO_ADAPTER)
    for b, row in enumerate(rows):
        start = 0
        for number, example in enumerate(row, start=1):
            stop = start + len(example)
            answer = start + len(example.prompt)
            ids[b, start:stop] = torch.tensor([*example.prompt, *example.answer])
            positions[b, start:stop] = torch.arange(stop - start)
            owner[b, start:stop] = number
            routes[b, start:stop] = NO_ADAPTER if example.route is None else example.route
            # The token at t predicts t + 1: labels stand one to the left of what they name.
            first = max(answer, start + 1)
            labels[b, first - 1 : stop - 1] = torch.tensor(_learned(example)[first - answer :])
            start = stop
    inputs: dict[str, Any] = {"input_ids": ids, "position_ids": positions}
    if any(len(row) > 1 for row in rows) or bool((owner == 0).any()):
        inputs["attention_mask"] = _mask(owner, dtype)
    if any(example.route is not None for row in rows for example in row):
        inputs["routes"] = routes
    return Batch(inputs, labels, int((owner > 0).sum()), rows)


def _learned(example: TokenizedExample) -> list[int]:
    """The answer's tokens; those that are not learned as `IGNORED`."""
    is_learned = example.is_learned or [True] * len(example.answer)
    return [t if on else IGNORED for t, on in zip(example.answer, is_learned, strict=True)]


def _mask(owner: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 where a token may attend (its own example, not ahead), the least number elsewhere."""
    same = owner[:, None, :, None] == owner[:, None, None, :]  # (B, 1, T, T)
    causal = torch.ones(owner.shape[1], owner.shape[1], dtype=torch.bool).tril()
    mask = torch.zeros(same.shape, dtype=dtype)
    return mask.masked_fill_(~(same & causal), torch.finfo(dtype).min)


def _padded(rows: Sequence[Sequence[int]], fill: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])
