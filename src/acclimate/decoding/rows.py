"""What one network reads: batches in flight, each with its own keys and values.

Letters: B rows, T tokens, P tokens of the shared prefix, V vocabulary.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import torch

from acclimate.core.cost import Cost, spend
from acclimate.decoding.batching import shared_prefix
from acclimate.decoding.prefix_cache import expanded, prefix_cache
from acclimate.nn.routes import as_keyword


class Rows(Protocol):
    """Rows in flight, whatever a symbol is: logits (B, V) of the next one of each."""

    def prefill(self) -> torch.Tensor:
        """Read the contexts; of the first new symbol."""

    def step(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new symbol (B,) a row; of the next."""

    def select(self, keep: list[int]) -> None:
        """Go on with some of the rows."""


class Reader(Protocol):
    """Something that reads the prompts of the loop, its own layout of each."""

    @property
    def lengths(self) -> list[int]:
        """What it reads of each prompt beside what all share, tokens."""

    @property
    def rooms(self) -> list[float]:
        """How many symbols it can take in after each prompt."""

    def rows(self, group: Sequence[int]) -> Rows:
        """Some of the prompts, to be read together."""

    def spend(self, group: Sequence[int], num_new: int) -> None:
        """Count the reading of them and of so many new symbols."""


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

    @cached_property
    def num_shared(self) -> int:
        """Tokens that all contexts begin with."""
        is_causal = not self.network.config.is_encoder_decoder
        return shared_prefix(self.contexts, self.routes) if is_causal else 0

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each context beside the shared."""
        return [len(context) - self.num_shared for context in self.contexts]

    @property
    def rooms(self) -> list[float]:
        """Tokens that each context leaves in the window; an encoder's leaves all."""
        if self.window is None or self.network.config.is_encoder_decoder:
            return [math.inf] * len(self.contexts)
        return [self.window - len(context) for context in self.contexts]

    def rows(self, group: Sequence[int]) -> "NetworkRows":
        """Some of the contexts as a batch."""
        own = [list(self.contexts[i][self.num_shared :]) for i in group]
        return NetworkRows(self.network, own, self._cache, self.num_shared, self._ways(group))

    def spend(self, group: Sequence[int], num_new: int) -> None:
        """Count what is read, and the operations on that and on what is new."""
        self._spend(sum(self.lengths[i] for i in group), num_new)

    def _ways(self, group: Sequence[int]) -> dict[str, torch.Tensor]:
        return as_keyword([self.routes[i] for i in group] if self.routes else [])

    @cached_property
    def _cache(self) -> Any:
        self._spend(self.num_shared, 0)
        route = self.routes[0] if self.routes else None
        return prefix_cache(self.network, self.contexts[0][: self.num_shared], route)

    def _spend(self, num_read: int, num_new: int) -> None:
        flops = 2.0 * self.network.num_parameters() * (num_read + num_new)
        spend(Cost(prompt_tokens=num_read, flops=flops))


class NetworkRows:
    """A batch in flight: left-padded contexts, their cache, and the next position of each row."""

    def __init__(
        self,
        network: Any,
        contexts: list[list[int]],
        cache: Any,
        num_shared: int,
        routes: dict[str, torch.Tensor],
    ) -> None:
        self.network, self.routes = network, routes
        width = max(map(len, contexts))
        pads = [width - len(c) for c in contexts]
        ids = [[0] * pad + c for pad, c in zip(pads, contexts, strict=True)]
        self.ids = torch.tensor(ids, device=network.device)  # (B, T)
        mask = torch.ones(len(ids), num_shared + width, dtype=torch.long)
        for row, pad in enumerate(pads):
            mask[row, num_shared : num_shared + pad] = 0
        self.mask = mask.to(network.device)  # (B, P+T)
        self.cache = expanded(cache, len(ids))
        self.encoded: Any = None

    def prefill(self) -> torch.Tensor:
        """Read the contexts; logits (B, V) of the first new token."""
        if self.network.config.is_encoder_decoder:
            return self._encode()
        positions = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -self.ids.shape[1] :]
        return self._forward(input_ids=self.ids, position_ids=positions)

    def step(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new token (B,) a row; logits (B, V) of the next."""
        tokens = symbols.to(self.mask.device)[:, None]
        if self.encoded is not None:
            return self._forward(decoder_input_ids=tokens, encoder_outputs=self.encoded)
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        positions = self.mask.sum(-1, keepdim=True) - 1
        return self._forward(input_ids=tokens, position_ids=positions)

    def select(self, keep: list[int]) -> None:
        """Go on with some of the rows."""
        index = torch.tensor(keep, device=self.mask.device)
        self.mask = self.mask[index]
        self.routes = {name: routes[index.cpu()] for name, routes in self.routes.items()}
        self.cache.batch_select_indices(index)
        if self.encoded is not None:
            self.encoded.last_hidden_state = self.encoded.last_hidden_state[index]

    def fork(self) -> Self:
        """The same rows, to go on another way."""
        other = copy.copy(self)
        other.cache = copy.deepcopy(self.cache)
        other.encoded = copy.copy(self.encoded)
        return other

    def _encode(self) -> torch.Tensor:
        from transformers import EncoderDecoderCache

        network = self.network
        encoder = network.get_encoder()
        self.encoded = encoder(input_ids=self.ids, attention_mask=self.mask, **self.routes)
        self.cache = EncoderDecoderCache(self.cache, expanded(None, 0))
        return self.step(self.ids.new_full((len(self.ids),), network.config.decoder_start_token_id))

    def _forward(self, **inputs: Any) -> torch.Tensor:
        output = self.network(
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
            **self.routes,
            **inputs,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits
