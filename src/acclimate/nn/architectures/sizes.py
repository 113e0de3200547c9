"""Layer sizes of a transformer, from its number of parameters.

Depth is read off published families, by their weights outside the embedding: the compact BERTs
(Turc et al. 2019, table 1) below 100 M and GPT-3's family (Brown et al. 2020, table 2.1) above.
Width then follows from the number of parameters (Kaplan et al. 2020, section 2.1: 12 L d^2).
"""

import math
from typing import NamedTuple

import numpy as np

from acclimate.core.errors import ConfigError

SIZE_NAMES = {"1m": 1e6, "8m": 8e6, "30m": 30e6, "120m": 120e6, "350m": 350e6, "1b": 1e9, "7b": 7e9}
"""Sizes by name."""
_FAMILY = ((4.0e6, 4), (25e6, 8), (85e6, 12), (302e6, 24), (1.2e9, 24), (6.4e9, 32), (12.6e9, 40))
"""Weights outside the embedding, and layers."""
LAYER_WEIGHTS = 12
"""Times the width squared: four matrices of attention, eight widths squared of feed-forward."""
_MANY_PARAMS = 5e8
"""From here on keys and values are shared by groups of heads (Ainslie et al. 2023)."""


class LayerSizes(NamedTuple):
    """Depth, width and heads of a transformer."""

    num_layers: int
    embed_dim: int
    num_heads: int
    num_kv_heads: int


def num_params_of(size: str | int) -> float:
    """The number of parameters of a size: a name of `SIZE_NAMES`, or a number.

    Raises:
        ConfigError: It is neither.
    """
    text = str(size).lower()
    if text in SIZE_NAMES:
        return SIZE_NAMES[text]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number >= 1e4:
        known = ", ".join(SIZE_NAMES)
        raise ConfigError(f"give {known}, or a count of parameters from 10,000 up, not {size!r}")
    return number


def sizes(
    num_params: float, vocab_size: int, *, is_tied: bool = True, layer_weights: int = LAYER_WEIGHTS
) -> LayerSizes:
    """Sizes of a decoder or encoder with about so many parameters.

    Width is a whole number of heads; depth then makes the count come nearest.

    Args:
        num_params: All of them, embedding tables included.
        vocab_size: Rows of an embedding table.
        is_tied: Whether the output layer shares the table.
        layer_weights: Of one layer, times the width squared.
    """
    tables = vocab_size * (1 if is_tied else 2)
    num_layers = 2
    for _ in range(8):  # depth follows from what the embedding leaves, which follows from depth
        width = _width(num_params, layer_weights * num_layers, tables)
        num_layers = _depth(layer_weights * num_layers * width**2)
    head_dim = head_dim_of(width)
    even = 1 if width < 512 else 2 if num_params < _MANY_PARAMS else 4
    num_heads = max(1, even * round(width / head_dim / even))
    embed_dim = num_heads * head_dim
    left = num_params - tables * embed_dim
    num_layers = max(2, round(left / (layer_weights * embed_dim**2)))
    num_kv_heads = num_heads
    if num_params >= _MANY_PARAMS:
        num_kv_heads = 4 if num_heads % 8 else 8
    return LayerSizes(num_layers, embed_dim, num_heads, num_kv_heads)


def head_dim_of(embed_dim: float) -> int:
    """Width of a head: 64 as in GPT-3's smaller models, 128 as in its larger, 32 below them."""
    return 32 if embed_dim < 256 else 64 if embed_dim < 2048 else 128


def ffn_dim(embed_dim: int, kv_share: float = 1.0) -> int:
    """Inner width of a gated feed-forward layer, so that a layer has `LAYER_WEIGHTS`.

    8/3 of the width, as a gated layer has three matrices for a plain one's two (Shazeer 2020);
    more where keys and values are shared by heads.

    Args:
        embed_dim: Width.
        kv_share: Key heads for each query head, in (0, 1].
    """
    attention = 2 + 2 * kv_share
    return max(32, round(embed_dim * (LAYER_WEIGHTS - attention) / 3 / 32) * 32)


def _width(num_params: float, a: float, tables: int) -> float:
    """The root d of a d^2 + tables d = num_params."""
    return (math.sqrt(tables**2 + 4 * a * num_params) - tables) / (2 * a)


def _depth(inner_params: float) -> int:
    """Layers of the family's member of that size, between two by log size; an even number."""
    known, layers = zip(*_FAMILY, strict=True)
    between = np.interp(math.log(inner_params), np.log(known), layers)
    return max(2, 2 * round(float(between) / 2))
