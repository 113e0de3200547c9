"""Prefix tuning: a network with learned keys and values before every row.

They are keys and values of every layer: learned as such (`KeysValues`), or those of learned
embeddings (`virtual_tokens`). A caller of the network need not know of them: masks, positions and
caches are as without them.

Letters: B rows, P virtual tokens, L layers, H key heads, E head width, T tokens, S keys.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch.nn import functional
from transformers import DynamicCache, EncoderDecoderCache

from acclimate.core.errors import NotApplicableError

Layers = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer, (1, H, P, E)."""


class AroundNetwork(torch.nn.Module):
    """A network with virtual tokens; it is called as the network inside, and has its attributes."""

    def __init__(self, network: Any, prefix: Any) -> None:
        """Put a prefix before every row of a network, which may have one already."""
        super().__init__()
        self.network, self.prefix = network, prefix
        self.num_virtual_tokens = prefix.num_tokens + num_virtual_tokens(network)
        """Of the context window, taken by this prefix and those inside."""

    def __getattr__(self, name: str) -> Any:
        """An attribute of this module, or of the network inside it."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "network":
                raise
            return getattr(self.network, name)


class Prefixed(AroundNetwork):
    """A network with a prefix of keys and values in every layer of its decoder."""

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """The network's output for the rows given; an empty cache is filled with the prefix."""
        if self.network.config.is_encoder_decoder:
            inputs["attention_mask"] = attention_mask  # of the encoder, which has no prefix
            mask, rows = "decoder_attention_mask", inputs["decoder_input_ids"]
        else:
            inputs["attention_mask"] = attention_mask
            mask, rows = "attention_mask", inputs.get("inputs_embeds", input_ids)
        inputs |= {"input_ids": input_ids, "position_ids": position_ids, "use_cache": use_cache}
        given = {name: value for name, value in inputs.items() if value is not None}
        if mask in given:
            given[mask] = widened(given[mask], self.prefix.num_tokens)
        if position_ids is not None:
            given["position_ids"] = position_ids + self.prefix.num_tokens
        cache = past_key_values
        if cache is None:
            cache = new_cache(self.network)
        if cache.get_seq_length() == 0:
            self.fill(cache, len(rows))
        return self.network(past_key_values=cache, **given)

    def fill(self, cache: Any, num_rows: int) -> None:
        """Put the prefix into an empty cache of so many rows, after those of networks inside."""
        if hasattr(self.network, "fill"):
            self.network.fill(cache, num_rows)
        for index, pair in enumerate(self.prefix.layers(self.network)):
            keys, values = (x.expand(num_rows, -1, -1, -1) for x in pair)  # (B, H, P, E)
            own_attention(cache).update(keys, values, index)


def num_virtual_tokens(network: Any) -> int:
    """Tokens of a network's context window that its prefixes take."""
    return getattr(network, "num_virtual_tokens", 0)


class PrefixShape(NamedTuple):
    """The shape of a network's keys and values."""

    num_layers: int
    num_heads: int
    head_dim: int

    @classmethod
    def of(cls, layers: Layers) -> "PrefixShape":
        """The shape that all layers have.

        Raises:
            NotApplicableError: They differ.
        """
        shapes = {(x.shape[1], x.shape[3]) for pair in layers for x in pair}
        if len(shapes) > 1:
            raise NotApplicableError(
                "a prefix needs keys and values of one shape in every layer; the base's have "
                + ", ".join(f"{heads} heads of {width}" for heads, width in sorted(shapes))
            )
        return cls(len(layers), *shapes.pop())


class KeysValues(torch.nn.Module):
    """Learned keys and values: a start that stays, and what is added to it."""

    def __init__(self, start: torch.Tensor, shape: PrefixShape, encoder: Any = None) -> None:
        """Hold the start (P, 2LHE) and PEFT's encoder of the same, None: nothing is added."""
        super().__init__()
        self.register_buffer("start", start)
        self.shape, self.encoder = shape, encoder
        self.num_tokens = len(start)

    def flat(self) -> torch.Tensor:
        """Keys and values of each token, layer by layer, as PEFT saves them: (P, 2LHE)."""
        start: torch.Tensor = self.start  # type: ignore[assignment]
        if self.encoder is None:
            return start
        added: torch.Tensor = self.encoder(torch.arange(self.num_tokens, device=start.device))
        return start + added

    def layers(self, network: Any) -> Layers:
        """Keys and values of each layer of a network."""
        num_layers, *heads = self.shape
        apart = self.flat().to(network.dtype).view(self.num_tokens, 2 * num_layers, *heads)
        pairs = apart.permute(1, 2, 0, 3)[:, None]  # (2L, 1, H, P, E)
        return list(zip(pairs[::2], pairs[1::2], strict=True))

    def settle(self) -> None:
        """Keep the learned keys and values, and drop the encoder (the paper's section 4.3)."""
        self.start, self.encoder = self.flat().detach().clone(), None


def prefix_states(network: Any, num_tokens: int, **inputs: torch.Tensor) -> Layers:
    """Keys and values (1, H, P, E) of the last tokens of one row that a network reads."""
    cache = new_cache(network)
    if not network.config.is_encoder_decoder:
        inputs["logits_to_keep"] = 1  # type: ignore[assignment]
    network(past_key_values=cache, use_cache=True, **inputs)
    pairs = [(layer.keys, layer.values) for layer in own_attention(cache).layers]
    return [(k[:, :, -num_tokens:], v[:, :, -num_tokens:]) for k, v in pairs]


def read_text(network: Any, ids: Sequence[int]) -> Layers:
    """Keys and values of a text; an encoder-decoder's decoder repeats what the encoder reads."""
    rows = torch.tensor([list(ids)], device=network.device)
    second = {"decoder_input_ids": rows} if network.config.is_encoder_decoder else {}
    with torch.no_grad():
        return prefix_states(network, len(ids), input_ids=rows, **second)


def flattened(layers: Layers) -> torch.Tensor:
    """Keys and values of each layer (1, H, P, E) as PEFT has them, (P, 2LHE)."""
    stacked = torch.stack([x[0] for pair in layers for x in pair])  # (2L, H, P, E)
    return stacked.permute(2, 0, 1, 3).flatten(1).float()


def widened(mask: torch.Tensor, num_tokens: int) -> torch.Tensor:
    """A mask (B, S), or (B, 1, T, S), with columns before it that every token sees."""
    is_added = mask.ndim == 4 and mask.dtype != torch.bool  # 0 is seen, the least number is not
    return functional.pad(mask, (num_tokens, 0), value=0 if is_added else 1)


def new_cache(network: Any) -> Any:
    """An empty cache."""
    if network.config.is_encoder_decoder:
        return EncoderDecoderCache(DynamicCache(), DynamicCache())
    return DynamicCache()


def own_attention(cache: Any) -> Any:
    """The part of a cache that holds a decoder's self-attention."""
    return getattr(cache, "self_attention_cache", cache)
