"""Rows of a causal network in flight, each as long as it is.

Letters: B rows, T new tokens, V vocabulary.
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

VIRTUAL = -1
"""Stands in a path for a virtual token, which has no id."""


class CausalBatch:
    """Rows that read their contexts, join, step and leave."""

    def __init__(
        self,
        network: Any,
        contexts: Sequence[list[int]],
        cache: KVCache,
        routes: dict[str, torch.Tensor],
        tree: RadixPrefixCache | None = None,
        snapshot: NetworkState | None = None,
    ) -> None:
        """Hold contexts whose first tokens may be in the cache already.

        Args:
            network: A causal transformers network.
            contexts: Token ids of each row.
            cache: Keys and values of what each row has read.
            routes: The keyword argument that leads rows through the network's adapters.
            tree: To remember what is read; None: nothing is remembered.
            snapshot: Of the network; None: one is made.
        """
        self.network, self.cache, self.routes, self.tree = network, cache, routes, tree
        self.ids = [list(context) for context in contexts]
        """Tokens of each row, read or to be read."""
        self.logits: torch.Tensor | None = None
        """Of the token after each context, as far as it is read."""
        self.num_virtual = num_virtual_tokens(network)
        self.sees = window_of(network)
        """Tokens back that some layer sees; None: all layers see all."""
        self.device = network.device
        told = getattr(network.config.get_text_config(), "max_position_embeddings", None)
        self.last_place = (told or sys.maxsize) - 1
        self.lean, self.bands = (snapshot or NetworkState(network)).fast_decoder, LengthGroups()

    @property
    def num_read(self) -> list[int]:
        """Tokens of each row whose keys and values are there."""
        return [max(0, length - self.num_virtual) for length in self.cache.lengths]

    def prefill(self, num_tokens: int) -> torch.Tensor | None:
        """Read so many tokens of each context at most; once all are read, logits (B, V)."""
        rows = zip(self.ids, self.num_read, strict=True)
        chunks = [ids[done : done + num_tokens] for ids, done in rows]
        width = max(map(len, chunks))
        padded = [[*chunk, *[0] * (width - len(chunk))] for chunk in chunks]
        last = [max(0, len(chunk) - 1) for chunk in chunks]
        logits = self._pass(torch.tensor(padded), last)
        self.cache.settle([width - len(chunk) for chunk in chunks])
        if self.logits is not None:
            has_new = torch.tensor([bool(chunk) for chunk in chunks], device=logits.device)
            logits = torch.where(has_new[:, None], logits, self.logits)
        self.logits = logits
        if any(done < len(ids) for ids, done in zip(self.ids, self.num_read, strict=True)):
            return None
        self.remember(range(len(self.ids)))
        self.logits = None
        return logits

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read new tokens of each row; what comes after each of them.

        Args:
            symbols: One a row, (B,), or several, (B, T).

        Returns:
            Logits (B, V), or (B, T, V).
        """
        tokens = symbols if symbols.ndim == 2 else symbols[:, None]
        logits = self._pass(tokens, None)  # (B, T, V)
        self.cache.settle()
        for ids, new in zip(self.ids, tokens.tolist(), strict=True):
            ids.extend(new)
        return logits if symbols.ndim == 2 else logits[:, -1]

    def rollback(self, num_last: Sequence[int]) -> None:
        """Forget the last few tokens of each row, as if they had not been read."""
        self.cache.drop(num_last)
        self.ids = [ids[: len(ids) - last] for ids, last in zip(self.ids, num_last, strict=True)]

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the rows; what the others read is remembered."""
        self.remember(sorted(set(range(len(self.ids))) - set(keep)))
        self.cache.select(keep)
        self.ids = [self.ids[row] for row in keep]
        index = torch.tensor(keep, dtype=torch.long)
        self.routes = {name: routes[index] for name, routes in self.routes.items()}

    def extend(self, *others: "CausalBatch") -> None:
        """Go on with others' rows, of the same network, behind these."""
        self.cache.join(*(other.cache for other in others))
        self.ids = [*self.ids, *(ids for other in others for ids in other.ids)]
        self.routes = {
            name: torch.cat([own, *(other.routes[name] for other in others)])
            for name, own in self.routes.items()
        }

    def copy(self) -> Self:
        """The same rows, to go on another way."""
        forked = copy.copy(self)
        forked.cache = self.cache.fork()
        forked.ids = [list(ids) for ids in self.ids]
        return forked

    def remember(self, rows: Sequence[int]) -> None:
        """Keep what rows have read for those that begin alike."""
        if self.tree is None:
            return
        for row in rows:
            path = [*[VIRTUAL] * self.num_virtual, *self.ids[row][: self.num_read[row]]]
            route = int(self.routes["routes"][row]) if self.routes else None

            def segment_of(start: int, end: int, row: int = row) -> Any:
                return self.cache.segment(row, start, end)

            self.tree.insert(path, route, segment_of)

    def _pass(self, tokens: torch.Tensor, last: Sequence[int] | None) -> torch.Tensor:
        """Logits after tokens (B, T): after the `last` of each row (B, V), or all (B, T, V)."""
        network, starts, device = self.network, self.num_read, self.device
        tokens = tokens.to(device)
        num_new = tokens.shape[1]
        positions = torch.tensor(starts, device=device)[:, None]
        if num_new > 1:
            # What pads a row at its end may stand past the last place that a network knows.
            ahead = positions + torch.arange(num_new, device=device)
            positions = ahead.clamp(max=self.last_place)  # (B, T)
        if self.lean is not None:
            plain = is_plain(self.sees, starts, num_new)
            mask = None if plain else mask_of(network, starts, num_new)
            own = None if last is None else torch.tensor(last, device=device)
            ends = () if plain else self.bands.ends([length + num_new for length in starts])
            view = mask, ends
            found: torch.Tensor = self.lean.logits(tokens, positions, self.cache, view, own)
            return found
        kept = sorted(set(last)) if last is not None else list(range(num_new))
        output = network(
            input_ids=tokens,
            position_ids=positions,
            attention_mask=mask_of(network, starts, num_new),
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=torch.tensor(kept, device=device),
            **self.routes,
        )
        logits: torch.Tensor = output.logits  # (B, T', V)
        if last is None:
            return logits
        columns = [kept.index(own) for own in last]
        return logits[torch.arange(len(columns)), columns]
