"""A batch of sequences in an encoder-decoder network.

Letters: B rows, one a sequence; T tokens of the longest context, V vocabulary.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import torch
from transformers import DynamicCache, EncoderDecoderCache

from acclimate.core.errors import BackendError


class EncoderDecoderBatch:
    """Sequences with the encoder's states and the decoder's keys and values of each."""

    def __init__(
        self, network: Any, contexts: Sequence[list[int]], routes: dict[str, torch.Tensor]
    ) -> None:
        """Hold contexts, right-padded, that go through the network by these routes."""
        self.network, self.routes = network, routes
        width = max(map(len, contexts))
        ids = [[*c, *[0] * (width - len(c))] for c in contexts]
        mask = [[1] * len(c) + [0] * (width - len(c)) for c in contexts]
        self.ids = torch.tensor(ids, device=network.device)  # (B, T)
        self.mask = torch.tensor(mask, device=network.device)  # (B, T)
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self.encoded: Any = None

    def prefill(self, num_tokens: int) -> torch.Tensor:
        """Read the contexts whole, since an encoder sees all at once; logits (B, V)."""
        encoder = self.network.get_encoder()
        self.encoded = encoder(input_ids=self.ids, attention_mask=self.mask, **self.routes)
        return self.decode(self.ids.new_full((len(self.ids),), self._start))

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new token (B,) a row; logits (B, V) of the next."""
        output = self.network(
            attention_mask=self.mask,
            decoder_input_ids=symbols.to(self.mask.device)[:, None],
            encoder_outputs=self.encoded,
            past_key_values=self.cache,
            use_cache=True,
            **self.routes,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the rows."""
        index = torch.tensor(keep, dtype=torch.long, device=self.mask.device)
        self.mask = self.mask[index]
        self.routes = {name: routes[index.cpu()] for name, routes in self.routes.items()}
        self.cache.batch_select_indices(index)
        self.encoded.last_hidden_state = self.encoded.last_hidden_state[index]

    def extend(self, *others: Self) -> None:
        """Refuse to add rows: those of a decoder share their positions.

        Raises:
            BackendError: Always.
        """
        raise BackendError("rows of an encoder-decoder cannot join others between two tokens")

    def copy(self) -> Self:
        """A copy of the batch, which goes on by itself."""
        forked = copy.copy(self)
        forked.cache, forked.encoded = copy.deepcopy(self.cache), copy.copy(self.encoded)
        return forked

    @property
    def _start(self) -> int:
        return int(self.network.config.decoder_start_token_id)
