"""Sources of sequences (what reads a request's prompts) and their batches.

Letters: B rows of a batch, one a sequence; V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch

from acclimate.core.runtime.cost import Cost, spend
from acclimate.inference.engine.batching import shared_prefix
from acclimate.inference.engine.causal_batch import VIRTUAL_TOKEN, CausalBatch
from acclimate.inference.engine.encoder_decoder_batch import EncoderDecoderBatch
from acclimate.inference.engine.network_state import NetworkState
from acclimate.inference.engine.prefix_cache import RadixPrefixCache
from acclimate.inference.engine.uncached_batch import UncachedBatch
from acclimate.nn.adapters.prefix import num_virtual_tokens
from acclimate.nn.adapters.routing import as_keyword
from acclimate.nn.decoder.kv_cache import KVCache, Segment


class SequenceBatch(Protocol):
    """Sequences that one source reads together, each a row with its KV cache."""

    def prefill(self, num_tokens: int) -> torch.Tensor | None:
        """Read so many tokens of each prompt at most; logits (B, V) once all are read."""

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new symbol (B,) a row; logits (B, V) of the next."""

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the rows, in this order."""

    def extend(self, *others: Any) -> None:
        """Add the rows of other batches, of this source or one that may mix, behind these."""


class SequenceSource(Protocol):
    """What reads a request's prompts in a layout of its own, such as a network."""

    @property
    def can_batch(self) -> bool:
        """Whether its sequences may run in one batch with others that are further on."""

    @property
    def num_prefill_tokens(self) -> list[int]:
        """Tokens of each prompt to prefill, beside those that all prompts share."""

    @property
    def max_new_tokens_each(self) -> list[float]:
        """Symbols that it can read after each prompt."""

    def new_batch(self, group: Sequence[int]) -> SequenceBatch:
        """A batch of some of the prompts, by their indices."""

    def spend(self, num_new: int) -> None:
        """Count the cost of reading all prompts and so many new symbols."""


@dataclass(frozen=True)
class NetworkSource:
    """A transformers network with the prompts it reads, as token ids; a shared prefix once."""

    network: Any
    """Causal or encoder-decoder."""
    contexts: Sequence[list[int]]
    """Token ids of each prompt, one at least."""
    routes: Sequence[int | None] = ()
    """Of each context, where the network has adapters to choose from."""
    window: int | None = None
    """Tokens that a context and its answer may have; None: any number."""
    prefix_cache: RadixPrefixCache | None = None
    """Keys and values of earlier prompts; None: there is none."""
    has_cache: bool = True
    """Whether there is a KV cache, or all is read again at every token."""
    network_state: NetworkState | None = None
    """Of the network, shared by requests that run at the same time; None: one is made."""
    num_reread: list[int] = field(default_factory=list)
    """Tokens that were read in each pass, where there is no KV cache."""

    @cached_property
    def num_shared(self) -> int:
        """Tokens that all contexts begin with."""
        return shared_prefix(self.contexts, self.routes) if self.can_batch else 0

    @cached_property
    def num_cached(self) -> list[int]:
        """Tokens of each context whose keys and values are there before it is read."""
        return [self.num_shared] * len(self.contexts)

    @cached_property
    def num_prefill_tokens(self) -> list[int]:
        """Tokens of each context beside the shared."""
        return [len(context) - self.num_shared for context in self.contexts]

    @property
    def max_new_tokens_each(self) -> list[float]:
        """Tokens that each context leaves in the window; an encoder's leaves all."""
        if self.window is None or self._has_encoder:
            return [math.inf] * len(self.contexts)
        return [self.window - len(context) for context in self.contexts]

    def new_batch(self, group: Sequence[int]) -> SequenceBatch:
        """A batch of some of the contexts, as far as the prefix cache has them read already."""
        routes = as_keyword([self.routes[i] for i in group] if self.routes else [])
        contexts = [self.contexts[i] for i in group]
        if self._has_encoder:
            return EncoderDecoderBatch(self.network, contexts, routes)
        if not self.has_cache:
            return UncachedBatch(self.network, contexts, routes, self.num_reread)
        if self.prefix_cache is not None:
            self.prefix_cache.renew(self._state.weights_version)
        cache = KVCache.of([self._cached_segments(i) for i in group])
        batch = CausalBatch(self.network, contexts, cache, routes, self.prefix_cache, self._state)
        for index, num_read in zip(group, batch.num_read, strict=True):
            self.num_cached[index] = num_read
        return batch

    def spend(self, num_new: int) -> None:
        """Count prompt tokens that were read, and the operations on them and on new tokens."""
        num_read = sum(map(len, self.contexts)) - sum(self.num_cached)
        if "_shared" in vars(self):
            num_read += self.num_shared
        if self.num_reread:
            num_read = sum(self.num_reread)
        flops = 2.0 * self._state.num_params * (num_read + num_new)
        spend(Cost(prompt_tokens=num_read, flops=flops))

    @property
    def can_batch(self) -> bool:
        """Whether rows have positions and KV slots of their own, as a causal network's have."""
        return self.has_cache and not self._has_encoder

    @property
    def _has_encoder(self) -> bool:
        return bool(self.network.config.is_encoder_decoder)

    @cached_property
    def _state(self) -> NetworkState:
        return self.network_state or NetworkState(self.network)

    def _cached_segments(self, index: int) -> Sequence[Segment]:
        """Keys and values of the beginning of a context, as far as they are known."""
        if self.prefix_cache is not None:
            ids = [*[VIRTUAL_TOKEN] * num_virtual_tokens(self.network), *self.contexts[index]]
            num_matched, segments = self.prefix_cache.match(ids, self._route(index))
            if num_matched > max(self.num_shared, num_virtual_tokens(self.network)):
                return segments
        return self._virtual if self._shared is None else [self._shared]

    @cached_property
    def _virtual(self) -> Sequence[Segment]:
        """Of the virtual tokens before every row; rows beside others that hold any need them."""
        if not num_virtual_tokens(self.network):
            return []
        cache = KVCache(1)
        self.network.fill(cache, 1)
        cache.settle()
        return [cache.segment(0, 0, cache.lengths[0])]

    @cached_property
    def _shared(self) -> Segment | None:
        """Of the tokens that all contexts begin with, read once."""
        if not self.num_shared:
            return None
        prefix = list(self.contexts[0][: self.num_shared])
        batch = CausalBatch(self.network, [prefix], KVCache(1), as_keyword([self._route(0)]))
        batch.prefill(len(prefix))
        return batch.cache.segment(0, 0, batch.cache.lengths[0])

    def _route(self, index: int) -> int | None:
        return self.routes[index] if self.routes else None
