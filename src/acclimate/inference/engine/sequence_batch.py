"""What one network reads: rows in flight, each with its own keys and values.

Letters: B rows, T tokens, S places, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch

from acclimate.core.runtime.cost import Cost, spend
from acclimate.inference.engine.batching import shared_prefix
from acclimate.inference.engine.causal_batch import VIRTUAL, CausalBatch
from acclimate.inference.engine.encoder_decoder_batch import EncoderDecoderBatch
from acclimate.inference.engine.network_state import NetworkState
from acclimate.inference.engine.prefix_cache import RadixPrefixCache
from acclimate.inference.engine.uncached_batch import UncachedBatch
from acclimate.nn.adapters.prefix import num_virtual_tokens
from acclimate.nn.adapters.routing import as_keyword
from acclimate.nn.decoder.kv_cache import KVCache, Segment


class SequenceBatch(Protocol):
    """Rows in flight, whatever a symbol is: logits (B, V) of the next one of each."""

    def prefill(self, num_tokens: int) -> torch.Tensor | None:
        """Read so many tokens of each context at most; once all are read, of the first symbol."""

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new symbol (B,) a row; of the next."""

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the rows."""

    def extend(self, *others: Any) -> None:
        """Go on with others' rows, of the same reader or one that may mix, behind these."""


class SequenceSource(Protocol):
    """Something that reads the prompts of the loop, its own layout of each."""

    @property
    def can_batch(self) -> bool:
        """Whether its rows may go on together with rows that are further on."""

    @property
    def num_prefill_tokens(self) -> list[int]:
        """What it reads of each prompt beside what all share, tokens."""

    @property
    def max_new_tokens_each(self) -> list[float]:
        """How many symbols it can take in after each prompt."""

    def new_batch(self, group: Sequence[int]) -> SequenceBatch:
        """Some of the prompts, to be read together."""

    def spend(self, num_new: int) -> None:
        """Count the reading of all prompts and of so many new symbols."""


@dataclass(frozen=True)
class NetworkSource:
    """A transformers network with the token ids that it reads; a shared prefix is read once."""

    network: Any
    """Causal or encoder-decoder."""
    contexts: Sequence[list[int]]
    """Of each prompt, one token at least."""
    routes: Sequence[int | None] = ()
    """Of each context, where the network has adapters to choose from."""
    window: int | None = None
    """Tokens that a context and its answer may have; None: no end of them."""
    prefix_cache: RadixPrefixCache | None = None
    """Of what the network read for others before; None: it remembers nothing."""
    has_cache: bool = True
    """Whether keys and values are kept at all, or all is read again at every token."""
    network_state: NetworkState | None = None
    """Of the network, shared by all who ask it meanwhile; None: one is made."""
    num_reread: list[int] = field(default_factory=list)
    """Tokens that were read in each pass, where they are not kept."""

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
        """Some of the contexts as a batch."""
        routes = as_keyword([self.routes[i] for i in group] if self.routes else [])
        own = [self.contexts[i] for i in group]
        if self._has_encoder:
            return EncoderDecoderBatch(self.network, own, routes)
        if not self.has_cache:
            return UncachedBatch(self.network, own, routes, self.num_reread)
        if self.prefix_cache is not None:
            self.prefix_cache.renew(self._known.weights_version)
        cache = KVCache.of([self._begun(i) for i in group])
        rows = CausalBatch(self.network, own, cache, routes, self.prefix_cache, self._known)
        for place, row in zip(group, rows.num_read, strict=True):
            self.num_cached[place] = row
        return rows

    def spend(self, num_new: int) -> None:
        """Count what is read, and the operations on that and on what is new."""
        read = sum(map(len, self.contexts)) - sum(self.num_cached)
        if "_shared" in vars(self):
            read += self.num_shared
        if self.num_reread:
            read = sum(self.num_reread)
        flops = 2.0 * self._known.num_params * (read + num_new)
        spend(Cost(prompt_tokens=read, flops=flops))

    @property
    def can_batch(self) -> bool:
        """Whether rows have positions and a memory of their own, as a causal network's have."""
        return self.has_cache and not self._has_encoder

    @property
    def _has_encoder(self) -> bool:
        return bool(self.network.config.is_encoder_decoder)

    @cached_property
    def _known(self) -> NetworkState:
        return self.network_state or NetworkState(self.network)

    def _begun(self, place: int) -> Sequence[Segment]:
        """What is known of a context."""
        if self.prefix_cache is not None:
            found = self.prefix_cache.match(self._path(self.contexts[place]), self._route(place))
            if found[0] > max(self.num_shared, num_virtual_tokens(self.network)):
                return found[1]
        return self._virtual if self._shared is None else [self._shared]

    @cached_property
    def _virtual(self) -> Sequence[Segment]:
        """What stands before every row: rows beside others that hold something need it too."""
        if not num_virtual_tokens(self.network):
            return []
        cache = KVCache(1)
        self.network.fill(cache, 1)
        cache.settle()
        return [cache.segment(0, 0, cache.lengths[0])]

    @cached_property
    def _shared(self) -> Segment | None:
        """What all contexts begin with, read once."""
        if not self.num_shared:
            return None
        prefix = list(self.contexts[0][: self.num_shared])
        rows = CausalBatch(self.network, [prefix], KVCache(1), as_keyword([self._route(0)]))
        rows.prefill(len(prefix))
        return rows.cache.segment(0, 0, rows.cache.lengths[0])

    def _path(self, ids: Sequence[int]) -> list[int]:
        """A row's tokens in the tree, behind the virtual ones that stand before every row."""
        return [*[VIRTUAL] * num_virtual_tokens(self.network), *ids]

    def _route(self, place: int) -> int | None:
        return self.routes[place] if self.routes else None
