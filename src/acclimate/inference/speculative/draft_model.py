"""Speculative decoding with a draft model: a small network drafts the next tokens.

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
    """A smaller network of the same vocabulary, which drafts tokens."""

    network: Any
    window: int
    """Tokens that it can read."""

    @property
    def flops_per_token(self) -> float:
        """Two for each parameter."""
        return 2.0 * float(self.network.num_parameters())

    def row(self) -> "NetworkDraftRow":
        """Drafts for one row, which begins."""
        return NetworkDraftRow(self.network, self.window)


class NetworkDraftRow:
    """One row in the draft network, its own drafted tokens read too."""

    def __init__(self, network: Any, window: int) -> None:
        """Begin with no token read."""
        self.network, self.window = network, window
        self.rows = CausalBatch(network, [[]], KVCache(1), {})

    def draft(self, ids: list[int], num_tokens: int, state: SamplingState) -> Draft:
        """Draft tokens one by one, sampled as the answer's but for penalty and constraint."""
        if len(ids) + num_tokens > self.window:
            return Draft()
        logits = self._caught_up(ids)
        tokens: list[int] = []
        probs: list[torch.Tensor] = []
        while True:
            token, token_probs = _sample(logits, state)
            tokens.append(token)
            probs += [] if token_probs is None else [token_probs]
            if len(tokens) == num_tokens:
                return Draft(tokens, torch.stack(probs) if probs else None)
            logits = self.rows.decode(torch.tensor([token]))[0]

    def _caught_up(self, ids: list[int]) -> torch.Tensor:
        """Logits (V,) after the row so far: rejected tokens are rolled back."""
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


def _sample(logits: torch.Tensor, state: SamplingState) -> tuple[int, torch.Tensor | None]:
    """A token, and the probabilities (V,) that it was sampled from; None where it is greedy."""
    if state.is_greedy:
        return int(logits.argmax()), None
    sampling = state.sampling
    probs = truncate_logits(logits[None].float() / sampling.temperature, sampling).softmax(-1)[0]
    cumulative = probs.double().cumsum(-1)
    sampled = torch.searchsorted(cumulative, cumulative[-1:] * state.uniform(), right=True)
    return min(int(sampled), len(probs) - 1), probs
