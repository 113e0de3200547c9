"""Pretraining objectives: next token, masked tokens, or corrupted spans.

Letters: B rows, T tokens of a row.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from acclimate.core.errors import ConfigError
from acclimate.training.packing import IGNORED, Batch

TokenRows = npt.NDArray[np.int64]
PretrainingObjective = Callable[[TokenRows, Sequence[int]], Batch]
"""From rows of ids (B, T) and a seed for each row to a batch."""

MASKED_SHARE = 0.15
"""Share of the tokens masked, alone or in spans (Devlin et al. 2019; Raffel et al. 2020)."""
MEAN_SPAN_TOKENS = 3
"""Mean length of a span (Raffel et al. 2020, section 3.3.4)."""


def objective_of(name: str, tokenizer: Any) -> PretrainingObjective:
    """The objective called `causal`, `masked` or `spans`, for a tokenizer's special tokens.

    Raises:
        ConfigError: The tokenizer lacks a mask token, or sentinels, that the objective needs.
    """
    if name == "causal":
        return causal
    if name == "masked":
        if tokenizer.mask_token_id is None:
            raise ConfigError("masked language modelling needs a tokenizer with a mask token")
        special = np.array(tokenizer.all_special_ids)
        return partial(masked, mask=tokenizer.mask_token_id, size=len(tokenizer), special=special)
    sentinels = [tokenizer.convert_tokens_to_ids(f"<extra_id_{i}>") for i in range(100)]
    known = [i for i in sentinels if i is not None and i != tokenizer.unk_token_id]
    if not known:
        raise ConfigError("span corruption needs a tokenizer with <extra_id_0> …: num_sentinels")
    return partial(spans, sentinels=known, end=tokenizer.eos_token_id)


def causal(rows: TokenRows, seeds: Sequence[int]) -> Batch:
    """Predict each token from those before it; the last one of a row is only predicted."""
    ids = torch.from_numpy(np.ascontiguousarray(rows[:, :-1]))
    labels = torch.from_numpy(np.ascontiguousarray(rows[:, 1:]))
    return Batch({"input_ids": ids}, labels, ids.numel())


def masked(
    rows: TokenRows, seeds: Sequence[int], *, mask: int, size: int, special: TokenRows
) -> Batch:
    """Predict 15 % of the tokens from both sides (Devlin et al. 2019, section 3.1).

    Of those, 80 % show the mask, 10 % another token, 10 % themselves.
    """
    ids, labels = rows.copy(), np.full_like(rows, IGNORED)
    for row, label, seed in zip(ids, labels, seeds, strict=True):
        rng = np.random.default_rng(seed)
        may = np.flatnonzero(~np.isin(row, special))
        count = min(len(may), max(1, round(MASKED_SHARE * len(row))))
        chosen = rng.choice(may, count, replace=False)
        label[chosen] = row[chosen]
        kind = rng.random(count)
        row[chosen[kind < 0.8]] = mask
        others = chosen[kind >= 0.9]
        row[others] = rng.integers(0, size, len(others))
    # No padding: every token may attend to every other.
    inputs = {"input_ids": torch.from_numpy(ids)}
    return Batch(inputs, torch.from_numpy(labels), ids.size)


def spans(rows: TokenRows, seeds: Sequence[int], *, sentinels: Sequence[int], end: int) -> Batch:
    """Replace spans by sentinels and predict the spans (Raffel et al. 2020, figure 2)."""
    pairs = [_corrupted(row, seed, sentinels, end) for row, seed in zip(rows, seeds, strict=True)]
    ids = _padded([read for read, _ in pairs], 0)
    seen = _padded([[1] * len(read) for read, _ in pairs], 0)
    labels = _padded([written for _, written in pairs], IGNORED)
    inputs = {"input_ids": ids, "attention_mask": seen}
    return Batch(inputs, labels, int(seen.sum()) + sum(len(w) for _, w in pairs))


def _corrupted(
    row: TokenRows, seed: int, sentinels: Sequence[int], end: int
) -> tuple[list[int], list[int]]:
    """The input, with sentinels for spans, and the target: each sentinel and its span."""
    rng = np.random.default_rng(seed)
    num_noise = max(1, round(MASKED_SHARE * len(row)))
    num_spans = min(len(sentinels), max(1, round(num_noise / MEAN_SPAN_TOKENS)))
    noise = _parts(num_noise, num_spans, rng)
    clean = _parts(len(row) - num_noise, num_spans, rng)
    read: list[int] = []
    written: list[int] = []
    start = 0
    for sentinel, keep, lose in zip(sentinels, clean, noise, strict=False):
        read += [*row[start : start + keep].tolist(), sentinel]
        written += [sentinel, *row[start + keep : start + keep + lose].tolist()]
        start += keep + lose
    return [*read, end], [*written, end]


def _parts(total: int, count: int, rng: np.random.Generator) -> list[int]:
    """A random composition of a number into so many positive parts."""
    cuts = np.sort(rng.choice(np.arange(1, total), count - 1, replace=False))
    return [int(part) for part in np.diff([0, *cuts, total])]


def _padded(rows: Sequence[Sequence[int]], fill: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])
