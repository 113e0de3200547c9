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
from acclimate.inference.engine.causal_batch import VIRTUAL, NetworkRows
from acclimate.inference.engine.encoder_decoder_batch import EncodedRows
from acclimate.inference.engine.network_state import Snapshot
from acclimate.inference.engine.prefix_cache import PrefixTree
from acclimate.inference.engine.uncached_batch import RereadRows
from acclimate.nn.adapters.prefix import num_virtual_tokens
from acclimate.nn.adapters.routing import as_keyword
from acclimate.nn.decoder.kv_cache import KeyValues, Segment


class Rows(Protocol):
    """Rows in flight, whatever a symbol is: logits (B, V) of the next one of each."""

    def read(self, num_tokens: int) -> torch.Tensor | None:
        """Read so many tokens of each context at most; once all are read, of the first symbol."""

    def step(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new symbol (B,) a row; of the next."""

    def select(self, keep: list[int]) -> None:
        """Go on with some of the rows."""

    def join(self, *others: Any) -> None:
        """Go on with others' rows, of the same reader or one that may mix, behind these."""


class Reader(Protocol):
    """Something that reads the prompts of the loop, its own layout of each."""

    @property
    def can_mix(self) -> bool:
        """Whether its rows may go on together with rows that are further on."""

    @property
    def lengths(self) -> list[int]:
        """What it reads of each prompt beside what all share, tokens."""

    @property
    def rooms(self) -> list[float]:
        """How many symbols it can take in after each prompt."""

    def rows(self, group: Sequence[int]) -> Rows:
        """Some of the prompts, to be read together."""

    def spend(self, num_new: int) -> None:
        """Count the reading of all prompts and of so many new symbols."""


@dataclass(frozen=True)
class NetworkReader:
    """A transformers network with the token ids that it reads; a shared prefix is read once."""

    network: Any
    """Causal or encoder-decoder."""
    contexts: Sequence[list[int]]
    """Of each prompt, one token at least."""
    routes: Sequence[int | None] = ()
    """Of each context, where the network has adapters to choose from."""
    window: int | None = None
    """Tokens that a context and its answer may have; None: no end of them."""
    tree: PrefixTree | None = None
    """Of what the network read for others before; None: it remembers nothing."""
    has_cache: bool = True
    """Whether keys and values are kept at all, or all is read again at every token."""
    snapshot: Snapshot | None = None
    """Of the network, shared by all who ask it meanwhile; None: one is made."""
    num_reread: list[int] = field(default_factory=list)
    """Tokens that were read in each pass, where they are not kept."""

    @cached_property
    def num_shared(self) -> int:
        """Tokens that all contexts begin with."""
        return shared_prefix(self.contexts, self.routes) if self.can_mix else 0

    @cached_property
    def num_cached(self) -> list[int]:
        """Tokens of each context whose keys and values are there before it is read."""
        return [self.num_shared] * len(self.contexts)

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each context beside the shared."""
        return [len(context) - self.num_shared for context in self.contexts]

    @property
    def rooms(self) -> list[float]:
        """Tokens that each context leaves in the window; an encoder's leaves all."""
        if self.window is None or self._has_encoder:
            return [math.inf] * len(self.contexts)
        return [self.window - len(context) for context in self.contexts]

    def rows(self, group: Sequence[int]) -> Rows:
        """Some of the contexts as a batch."""
        routes = as_keyword([self.routes[i] for i in group] if self.routes else [])
        own = [self.contexts[i] for i in group]
        if self._has_encoder:
            return EncodedRows(self.network, own, routes)
        if not self.has_cache:
            return RereadRows(self.network, own, routes, self.num_reread)
        if self.tree is not None:
            self.tree.renew(self._known.mark)
        cache = KeyValues.of([self._begun(i) for i in group])
        rows = NetworkRows(self.network, own, cache, routes, self.tree, self._known)
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
    def can_mix(self) -> bool:
        """Whether rows have positions and a memory of their own, as a causal network's have."""
        return self.has_cache and not self._has_encoder

    @property
    def _has_encoder(self) -> bool:
        return bool(self.network.config.is_encoder_decoder)

    @cached_property
    def _known(self) -> Snapshot:
        return self.snapshot or Snapshot(self.network)

    def _begun(self, place: int) -> Sequence[Segment]:
        """What is known of a context."""
        if self.tree is not None:
            found = self.tree.match(self._path(self.contexts[place]), self._route(place))
            if found[0] > max(self.num_shared, num_virtual_tokens(self.network)):
                return found[1]
        return self._virtual if self._shared is None else [self._shared]

    @cached_property
    def _virtual(self) -> Sequence[Segment]:
        """What stands before every row: rows beside others that hold something need it too."""
        if not num_virtual_tokens(self.network):
            return []
        cache = KeyValues(1)
        self.network.fill(cache, 1)
        cache.settle()
        return [cache.segment(0, 0, cache.lengths[0])]

    @cached_property
    def _shared(self) -> Segment | None:
        """What all contexts begin with, read once."""
        if not self.num_shared:
            return None
        prefix = list(self.contexts[0][: self.num_shared])
        rows = NetworkRows(self.network, [prefix], KeyValues(1), as_keyword([self._route(0)]))
        rows.read(len(prefix))
        return rows.cache.segment(0, 0, rows.cache.lengths[0])

    def _path(self, ids: Sequence[int]) -> list[int]:
        """A row's tokens in the tree, behind the virtual ones that stand before every row."""
        return [*[VIRTUAL] * num_virtual_tokens(self.network), *ids]

    def _route(self, place: int) -> int | None:
        return self.routes[place] if self.routes else None
