"""Preference pairs as batches to train on, some of them held out.

Letters: P pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from acclimate.alignment.token_logprobs import in_passes
from acclimate.core.domain import Preference, TrainData
from acclimate.core.errors import DataError
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.seeding import derive
from acclimate.training.packing import Batch, TokenizedExample, one_a_row

_DEV_SHARE = 0.2
"""Share of the prompts that is held out, with all their pairs."""


@dataclass(frozen=True, slots=True)
class TokenizedPair:
    """The chosen and the rejected answer to one prompt, as tokens."""

    chosen: TokenizedExample
    rejected: TokenizedExample
    reference: tuple[float, float] = (0.0, 0.0)
    """Log-probabilities of both under a reference model, nats."""

    def __len__(self) -> int:
        return len(self.chosen) + len(self.rejected)


@dataclass(frozen=True)
class PairBatch(Batch):
    """Rows of pairs, each chosen answer before its rejected one; a target is a pair."""

    reference: torch.Tensor = field(default_factory=lambda: torch.zeros(0, 2))
    """Log-probabilities (P, 2) under the reference, nats."""
    is_idle: bool = False

    @property
    def num_targets(self) -> int:
        """Pairs that are learned; 0 of an idle batch."""
        return 0 if self.is_idle else len(self.reference)

    def idle(self) -> "PairBatch":
        """The same pairs with nothing to learn from them."""
        return replace(self, is_idle=True, num_tokens=0)

    def summed(self, losses: torch.Tensor) -> torch.Tensor:
        """The loss of the batch, from those of its pairs (P,)."""
        return losses.sum() * (not self.is_idle)


def split_preferences(
    data: TrainData, seed: int
) -> tuple[list[tuple[Prompt, Preference]], list[tuple[Prompt, Preference]]]:
    """Split preferences into those to learn from and those held out; no prompt is in both.

    Raises:
        DataError: A pair has an empty answer, or the same one twice.
    """
    every = list(data.preferred())
    for number, (_, preference) in enumerate(every, start=1):
        _check(number, preference)
    prompts = list(dict.fromkeys((preference.task, preference.prompt) for _, preference in every))
    order = np.random.default_rng(derive(seed, "preferences")).permutation(len(prompts))
    held_out = {prompts[i] for i in order[: int(_DEV_SHARE * len(prompts))]}
    parts: dict[bool, list[tuple[Prompt, Preference]]] = {False: [], True: []}
    for prompt, preference in every:
        parts[(preference.task, preference.prompt) in held_out].append((prompt, preference))
    return parts[False], parts[True]


def collate_pairs(network: Any, pairs: Sequence[TokenizedPair]) -> Iterator[PairBatch]:
    """Batches of pairs, two rows each, in order."""
    is_seq2seq = bool(network.config.is_encoder_decoder)
    for some in in_passes([2 * max(len(p.chosen), len(p.rejected)) for p in pairs]):
        rows = [row for pair in pairs[some] for row in (pair.chosen, pair.rejected)]
        batch = one_a_row(rows, is_seq2seq=is_seq2seq)
        reference = torch.tensor([pair.reference for pair in pairs[some]])
        yield PairBatch(batch.inputs, batch.labels, batch.num_tokens, reference=reference)


def _check(number: int, preference: Preference) -> None:
    for name, text in (("chosen", preference.chosen), ("rejected", preference.rejected)):
        if not text.strip():
            raise DataError(f"preference {number}: '{name}' is empty; write the answer or drop it")
    if preference.chosen == preference.rejected:
        raise DataError(f"preference {number}: chosen and rejected are the same; drop it")
