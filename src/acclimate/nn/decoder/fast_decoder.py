"""A fast forward pass of Llama-like networks over new tokens, for decoding.

What transformers does around the same arithmetic costs a small network nine tenths of a step.

Letters: B rows, T new tokens, N = BT, S KV slots, D width, H heads, K key heads, E head width, V
vocabulary.
"""

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from acclimate.nn.decoder.fused_weights import adapters_version
from acclimate.nn.decoder.kv_cache import KVCache
from acclimate.nn.decoder.layer import Joined, JoinedLayer, Layer, Map, OwnLayer, norm
from acclimate.nn.decoder.supported import can_copy, can_run, linear_layers
from acclimate.nn.weights_identity import weights_version

View = tuple[torch.Tensor | None, Sequence[tuple[slice, int]]]
"""An attention mask, and groups of rows that attend together with the slots of each."""
Attention = Callable[..., torch.Tensor]
"""From queries, keys and values to what attention gives."""


class FastDecoder:
    """Computes a network's logits from new tokens and a KV cache, exactly as the network does."""

    def __init__(self, network: Any, *, copies: bool) -> None:
        """Hold the network's modules, or copies of its weights that make a pass shorter."""
        model, config = network.model, network.config
        attention = model.layers[0].self_attn
        self.embed = model.embed_tokens
        kind = JoinedLayer if copies else OwnLayer
        self.layers: Sequence[Layer] = [kind(layer) for layer in model.layers]
        self.head = Joined([network.lm_head], model.norm) if copies else _head(network)
        self.head_dim = attention.head_dim
        self.num_heads, self.num_keys = config.num_attention_heads, config.num_key_value_heads
        rotary = model.rotary_emb
        frequencies = rotary.inv_freq.float()
        self.frequencies = torch.cat([-frequencies, frequencies])  # (E,)
        self.scaling = float(rotary.attention_scaling)

    @classmethod
    def of(cls, network: Any) -> "FastDecoder | None":
        """The network's fast decoder; None where it would not compute what the network does.

        Copies of weights are made anew once the weights are others.
        """
        if not can_run(network):
            return None
        mark = weights_version(network), adapters_version(linear_layers(network))
        known = _known.get(network)
        if known is None or known[0] != mark:
            known = _known[network] = mark, cls(network, copies=can_copy(network))
        return known[1]

    def logits(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        cache: KVCache,
        view: View = (None, ()),
        last: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits after new tokens, whose keys and values are added to the cache.

        Args:
            ids: Tokens, (B, T).
            positions: Of each in its row, (B, T).
            cache: What the rows have read.
            view: The mask added to scores, (B, 1, T, S), and groups of rows that attend together
                with the slots of each; None and empty: a token sees all before it, which with
                several new ones takes an empty cache.
            last: Of each row, the token whose logits are wanted, (B,); None: all.

        Returns:
            (B, V), or (B, T, V) for all.
        """
        num_rows, num_new = ids.shape
        turn = self._turn(positions)
        hidden = self.embed(ids).flatten(0, 1)  # (N, D)
        for index, layer in enumerate(self.layers):
            heads = layer.heads(hidden).view(num_rows, num_new, -1, self.head_dim)
            attended = self._attended(index, heads.transpose(1, 2), turn, cache, view)
            hidden = layer.plus_gated(layer.plus_attended(hidden, attended))
        if last is not None:
            first = torch.arange(0, num_rows * num_new, num_new, device=hidden.device)
            return self.head(hidden[first + last])
        return self.head(hidden).view(num_rows, num_new, -1)

    def _turn(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotary cosines, and sines signed for swapped halves, (B, 1, T, E) (Su et al. 2021)."""
        angles = positions[:, None, :, None] * self.frequencies
        cosine, sine = angles.cos(), angles.sin_()
        return (cosine, sine) if self.scaling == 1 else (cosine * self.scaling, sine * self.scaling)

    def _attended(
        self,
        index: int,
        heads: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        cache: KVCache,
        view: View,
    ) -> torch.Tensor:
        """Attention of a layer's heads (B, H + 2K, T, E) over the cache, (N, HE)."""
        num_rows, _, num_new, _ = heads.shape
        num_turned = self.num_heads + self.num_keys
        queries_keys, values = heads[:, :num_turned], heads[:, num_turned:]
        if (turn_norm := self.layers[index].turn_norm) is not None:
            queries_keys = turn_norm(queries_keys)
        cosine, sine = turn
        swapped = queries_keys.roll(self.head_dim // 2, -1)
        turned = torch.addcmul(queries_keys * cosine, swapped, sine)
        queries, keys = turned[:, : self.num_heads], turned[:, self.num_heads :]
        seen = cache.update(keys, values, index)  # (B, K, S, E) each
        attend: Attention = functional.scaled_dot_product_attention
        if num_new == 1:
            # Heads that share keys stand where tokens would.
            queries = queries.view(num_rows, self.num_keys, -1, self.head_dim)
            return _attend_in_groups(attend, queries, seen, view).reshape(num_rows, -1)
        attend = functools.partial(
            attend, is_causal=view[0] is None, enable_gqa=self.num_heads != self.num_keys
        )
        attended = _attend_in_groups(attend, queries, seen, view)
        return attended.transpose(1, 2).reshape(num_rows * num_new, -1)


def _attend_in_groups(
    attend: Attention, queries: torch.Tensor, seen: tuple[torch.Tensor, torch.Tensor], view: View
) -> torch.Tensor:
    """Attention of queries (B, H, T, E) over keys and values (B, K, S, E), a group at a time."""
    (mask, ends), (keys, values) = view, seen
    if len(ends) < 2 or mask is None:
        return attend(queries, keys, values, attn_mask=mask)
    return torch.cat(
        [
            attend(
                queries[rows],
                keys[rows, :, :end],
                values[rows, :, :end],
                attn_mask=mask[rows, :, :, :end],
            )
            for rows, end in ends
        ]
    )


_known: weakref.WeakKeyDictionary[Any, tuple[Any, FastDecoder]] = weakref.WeakKeyDictionary()
"""Decoders, and the weights that they may be copies of."""


def _head(network: Any) -> Map:
    """The last norm and the output layer."""
    last, head = network.model.norm, network.lm_head

    def mapped(hidden: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = head(norm(hidden, last))
        return out

    return mapped
