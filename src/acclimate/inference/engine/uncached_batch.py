"""A batch without a KV cache, which reads every sequence again at every token.

For measuring what a KV cache saves.

Letters: B rows, one a sequence; T tokens of the longest, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any, Self

import torch


class UncachedBatch:
    """Sequences of a causal network, each as long as it is."""

    def __init__(
        self,
        network: Any,
        contexts: Sequence[list[int]],
        routes: dict[str, torch.Tensor],
        num_read: list[int],
    ) -> None:
        """Hold contexts that go through the network by these routes.

        Args:
            network: A causal transformers network.
            contexts: Token ids of each row.
            routes: The keyword argument that leads rows through the network's adapters.
            num_read: Tokens that each pass reads are put here.
        """
        self.network, self.routes, self.num_read = network, routes, num_read
        self.ids = [list(context) for context in contexts]

    def prefill(self, num_tokens: int) -> torch.Tensor:
        """Read every row whole, whatever `num_tokens`; logits (B, V) of the next token of each."""
        self.num_read.append(sum(map(len, self.ids)))
        width = max(map(len, self.ids))
        pads = [width - len(ids) for ids in self.ids]
        rows = [[0] * pad + ids for pad, ids in zip(pads, self.ids, strict=True)]
        tokens = torch.tensor(rows, device=self.network.device)  # (B, T)
        mask = torch.tensor([[0] * pad + [1] * (width - pad) for pad in pads])
        output = self.network(
            input_ids=tokens,
            attention_mask=mask.to(tokens.device),
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0).to(tokens.device),
            use_cache=False,
            logits_to_keep=1,
            **self.routes,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Read one new token (B,) a row, and all before it; logits (B, V) of the next."""
        for ids, symbol in zip(self.ids, symbols.tolist(), strict=True):
            ids.append(symbol)
        return self.prefill(0)

    def keep(self, keep: list[int]) -> None:
        """Go on with some of the rows."""
        self.ids = [self.ids[row] for row in keep]
        index = torch.tensor(keep, dtype=torch.long)
        self.routes = {name: routes[index] for name, routes in self.routes.items()}

    def extend(self, *others: Self) -> None:
        """Add the rows of other batches of the same network behind these."""
        self.ids = [*self.ids, *(ids for other in others for ids in other.ids)]
        self.routes = {
            name: torch.cat([routes, *(other.routes[name] for other in others)])
            for name, routes in self.routes.items()
        }
