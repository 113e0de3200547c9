"""Guesses at the next tokens, and how a small network makes them.

Letters: G drafted tokens, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import torch

from acclimate.inference.engine.causal_batch import CausalBatch
from acclimate.inference.engine.draft_length import Draft
from acclimate.inference.sampling.sampler import SamplingState, truncate_logits
from acclimate.nn.decoder.kv_cache import KVCache


@dataclass(frozen=True)
class DraftNetwork:
    """A network of the same vocabulary that takes less time."""

    network: Any
    window: int
    """Tokens that it can read."""

    @property
    def flops_per_token(self) -> float:
        """Two for each parameter."""
        return 2.0 * float(self.network.num_parameters())

    def row(self) -> "NetworkDraftRow":
        """For one row."""
        return NetworkDraftRow(self.network, self.window)


class NetworkDraftRow:
    """A row as the smaller network has read it, its own guesses among it."""

    def __init__(self, network: Any, window: int) -> None:
        """Begin with nothing."""
        self.network, self.window = network, window
        self.rows = CausalBatch(network, [[]], KVCache(1), {})

    def draft(self, ids: list[int], num_tokens: int, drawing: SamplingState) -> Draft:
        """Tokens drawn one after another, as the answer's are but for penalty and constraint."""
        if len(ids) + num_tokens > self.window:
            return Draft()
        logits = self._caught_up(ids)
        tokens: list[int] = []
        probs: list[torch.Tensor] = []
        while True:
            token, chances = _guess(logits, drawing)
            tokens.append(token)
            probs += [] if chances is None else [chances]
            if len(tokens) == num_tokens:
                return Draft(tokens, torch.stack(probs) if probs else None)
            logits = self.rows.decode(torch.tensor([token]))[0]

    def _caught_up(self, ids: list[int]) -> torch.Tensor:
        """Logits (V,) after the row so far: guesses that were wrong are forgotten."""
        (known,) = self.rows.ids
        num_same = 0
        while num_same < min(len(known), len(ids) - 1) and known[num_same] == ids[num_same]:
            num_same += 1
        self.rows.rollback([len(known) - num_same])
        self.rows.ids = [list(ids)]
        logits = self.rows.prefill(len(ids))
        if logits is None:
            raise AssertionError("a row longer than itself")
        return logits[0]


def _guess(logits: torch.Tensor, drawing: SamplingState) -> tuple[int, torch.Tensor | None]:
    """A token, and probabilities (V,) where it is drawn by chance."""
    if drawing.is_greedy:
        return int(logits.argmax()), None
    how = drawing.sampling
    probs = truncate_logits(logits[None].float() / how.temperature, how).softmax(-1)[0]
    cumulative = probs.double().cumsum(-1)
    found = torch.searchsorted(cumulative, cumulative[-1:] * drawing.uniform(), right=True)
    return min(int(found), len(probs) - 1), probs
