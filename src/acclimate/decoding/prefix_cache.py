"""Keys and values of a prefix, computed once and given to every row of a batch.

Letters: P prefix tokens, B rows, H key heads, D head dimension.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache

from acclimate.nn.routes import as_keyword


def prefix_cache(
    network: Any, prefix: Sequence[int], route: int | None = None
) -> DynamicCache | None:
    """Read the prefix once; a cache of batch size 1, or None for an empty prefix."""
    if not prefix:
        return None
    ids = torch.tensor([list(prefix)], device=network.device)
    cache = DynamicCache()
    inputs = {"input_ids": ids, **as_keyword([route])}
    network(past_key_values=cache, use_cache=True, logits_to_keep=1, **inputs)
    return cache


def expanded(cache: DynamicCache | None, num_rows: int) -> DynamicCache:
    """A cache for `num_rows` rows that all begin with the same prefix; the original stays."""
    rows = DynamicCache()
    if cache is not None:
        for index, layer in enumerate(cache.layers):
            keys = layer.keys.expand(num_rows, -1, -1, -1)  # (B, H, P, D)
            values = layer.values.expand(num_rows, -1, -1, -1)  # (B, H, P, D)
            rows.update(keys, values, index)
    return rows
