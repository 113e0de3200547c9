"""A batch of sequences in a causal network, with a KV cache of ragged rows.

Letters: B rows, one a sequence; T new tokens, V vocabulary.
"""

import copy
import sys
from collections.abc import Sequence
from typing import Any, Self

import torch

from acclimate.inference.engine.attention_masks import is_plain, mask_of, window_of
from acclimate.inference.engine.network_state import NetworkState
from acclimate.inference.engine.prefix_cache import RadixPrefixCache
from acclimate.nn.adapters.prefix import num_virtual_tokens
from acclimate.nn.decoder.kv_cache import KVCache
from acclimate.nn.decoder.length_groups import LengthGroups

VIRTUAL_TOKEN = -1
"""Stands for a virtual token, which has no id, among the tokens of the prefix cache."""


class CausalBatch:
    """Sequences that are prefilled, decoded, extended by others and dropped."""

    def __init__(
        self,
        network: Any,
        contexts: Sequence[list[int]],
        cache: KVCache,
        routes: dict[str, torch.Tensor],
        prefix_cache: RadixPrefixCache | None = None,
        network_state: NetworkState | None = None,
    ) -> None:
        """Hold contexts whose first tokens may be in the cache already.

        Args:
            network: A causal transformers network.
            contexts: Token ids of each row.
            cache: Keys and values of what each row has read.
            routes: The keyword argument that leads rows through the network's adapters.
            prefix_cache: Takes what is read, for later prompts; None: there is none.
            network_state: Of the network; None: one is made.
        """
        self.network, self.cache, self.routes = network, cache, routes
        self.prefix_cache = prefix_cache
        self.ids = [list(context) for context in contexts]
        """Tokens of each row, read or to be read."""
        self.logits: torch.Tensor | None = None
        """Of the token after each context, as far as it is read."""
        self.num_virtual = num_virtual_tokens(network)
        self.window = window_of(network)
        """Tokens back that some layer sees; None: all layers see all."""
        self.device = network.device
        config = network.config.get_text_config()
        num_positions = getattr(config, "max_position_embeddings", None) or sys.maxsize
        self.max_position = num_positions - 1
        self.fast_decoder = (network_state or NetworkState(network)).fast_decoder
        self.length_groups = LengthGroups()

    @property
    def num_read(self) -> list[int]:
        """Tokens of each row whose keys and values are there."""
        return [max(0, length - self.num_virtual) for length in self.cache.lengths]

    def prefill(self, num_tokens: int) -> torch.Tensor | None:
        """Read so many tokens of each context at most; once all are read, logits (B, V)."""
        rows = zip(self.ids, self.num_read, strict=True)
        chunks = [ids[num_read : num_read + num_tokens] for ids, num_read in rows]
        width = max(map(len, chunks))
        padded = [[*chunk, *[0] * (width - len(chunk))] for chunk in chunks]
        last = [max(0, len(chunk) - 1) for chunk in chunks]
        logits = self._forward(torch.tensor(padded), last)
        self.cache.settle([width - len(chunk) for chunk in chunks])
        if self.logits is not None:
            has_new = torch.tensor([bool(chunk) for chunk in chunks], device=logits.device)
            logits = torch.where(has_new[:, None], logits, self.logits)
        self.logits = logits
        rows = zip(self.ids, self.num_read, strict=True)
        if any(num_read < len(ids) for ids, num_read in rows):
            return None
        self.remember(range(len(self.ids)))
        self.logits = None
        return logits

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read new tokens of each row; the logits after each of them.

        Args:
            symbols: Tokens: one a row, (B,), or several, (B, T).

        Returns:
            Logits (B, V), or (B, T, V).
        """
        tokens = symbols if symbols.ndim == 2 else symbols[:, None]
        logits = self._forward(tokens, None)  # (B, T, V)
        self.cache.settle()
        for ids, new in zip(self.ids, tokens.tolist(), strict=True):
            ids.extend(new)
        return logits if symbols.ndim == 2 else logits[:, -1]

    def rollback(self, num_last: Sequence[int]) -> None:
        """Forget the last few tokens of each row, as if they had not been read."""
        self.cache.drop(num_last)
        self.ids = [ids[: len(ids) - last] for ids, last in zip(self.ids, num_last, strict=True)]

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the rows; what the others read goes into the prefix cache."""
        self.remember(sorted(set(range(len(self.ids))) - set(keep)))
        self.cache.select(keep)
        self.ids = [self.ids[row] for row in keep]
        index = torch.tensor(keep, dtype=torch.long)
        self.routes = {name: routes[index] for name, routes in self.routes.items()}

    def extend(self, *others: "CausalBatch") -> None:
        """Add the rows of other batches of the same network behind these."""
        self.cache.join(*(other.cache for other in others))
        self.ids = [*self.ids, *(ids for other in others for ids in other.ids)]
        self.routes = {
            name: torch.cat([routes, *(other.routes[name] for other in others)])
            for name, routes in self.routes.items()
        }

    def copy(self) -> Self:
        """A copy of the batch, which goes on by itself."""
        forked = copy.copy(self)
        forked.cache = self.cache.fork()
        forked.ids = [list(ids) for ids in self.ids]
        return forked

    def remember(self, rows: Sequence[int]) -> None:
        """Put what rows have read into the prefix cache."""
        if self.prefix_cache is None:
            return
        for row in rows:
            ids = [*[VIRTUAL_TOKEN] * self.num_virtual, *self.ids[row][: self.num_read[row]]]
            route = int(self.routes["routes"][row]) if self.routes else None

            def segment_of(start: int, end: int, row: int = row) -> Any:
                return self.cache.segment(row, start, end)

            self.prefix_cache.insert(ids, route, segment_of)

    def _forward(self, tokens: torch.Tensor, last: Sequence[int] | None) -> torch.Tensor:
        """Logits after tokens (B, T): after the `last` of each row (B, V), or all (B, T, V)."""
        starts, num_new = self.num_read, tokens.shape[1]
        tokens = tokens.to(self.device)
        positions = torch.tensor(starts, device=self.device)[:, None]
        if num_new > 1:
            # What pads a row at its end may stand past the last position that a network knows.
            ahead = positions + torch.arange(num_new, device=self.device)
            positions = ahead.clamp(max=self.max_position)  # (B, T)
        if self.fast_decoder is None:
            return self._forward_by_network(tokens, positions, last)
        plain = is_plain(self.window, starts, num_new)
        mask = None if plain else mask_of(self.network, starts, num_new)
        ends = () if plain else self.length_groups.ends([start + num_new for start in starts])
        last_tokens = None if last is None else torch.tensor(last, device=self.device)
        return self.fast_decoder.logits(tokens, positions, self.cache, (mask, ends), last_tokens)

    def _forward_by_network(
        self, tokens: torch.Tensor, positions: torch.Tensor, last: Sequence[int] | None
    ) -> torch.Tensor:
        """The same by the network's own forward pass."""
        starts, num_new = self.num_read, tokens.shape[1]
        columns = sorted(set(last)) if last is not None else list(range(num_new))
        output = self.network(
            input_ids=tokens,
            position_ids=positions,
            attention_mask=mask_of(self.network, starts, num_new),
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=torch.tensor(columns, device=self.device),
            **self.routes,
        )
        logits: torch.Tensor = output.logits  # (B, T', V)
        if last is None:
            return logits
        return logits[torch.arange(len(last)), [columns.index(column) for column in last]]
