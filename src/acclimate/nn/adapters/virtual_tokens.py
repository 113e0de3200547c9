"""Prompt tuning: learned embeddings of virtual tokens before every row.

Letters: B rows, P virtual tokens, T tokens, D width.
"""

from collections.abc import Sequence
from typing import Any

import torch

from acclimate.core.errors import ConfigError
from acclimate.nn.adapters.prefix import (
    AroundNetwork,
    Layers,
    prefix_states,
    widened,
)


class VirtualTokens(torch.nn.Module):
    """Embeddings (P, D) and, for a decoder, their keys and values in it."""

    def __init__(self, embeddings: torch.Tensor) -> None:
        """Begin with embeddings (P, D)."""
        super().__init__()
        self.weight = torch.nn.Parameter(embeddings)
        self.num_tokens = len(embeddings)
        self._known: Layers | None = None

    def layers(self, network: Any) -> Layers:
        """Keys and values of a decoder's layers; computed once where nothing is trained."""
        if any(p.requires_grad for module in (self, network) for p in module.parameters()):
            self._known = None
            return self._read(network)
        if self._known is None:
            with torch.inference_mode(mode=False), torch.no_grad():
                self._known = self._read(network)
        return self._known

    def _read(self, network: Any) -> Layers:
        return prefix_states(
            network, self.num_tokens, inputs_embeds=self.weight.to(network.dtype)[None]
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without what is known of one network: a copy may come to stand in another."""
        return {**self.__dict__, "_known": None}


class EncoderPrompted(AroundNetwork):
    """An encoder-decoder whose encoder reads virtual tokens before every row."""

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        encoder_outputs: Any = None,
        use_cache: bool | None = None,
        **inputs: Any,
    ) -> Any:
        """The network's output; the mask (B, T) is of the tokens that the caller knows."""
        if encoder_outputs is None:
            way = {"routes": inputs["routes"]} if "routes" in inputs else {}
            encoder_outputs = self.encode(input_ids, attention_mask, **way)
        if attention_mask is not None:
            mask = widened(attention_mask, self.prefix.num_tokens)
            inputs["attention_mask"] = mask.gather(1, self._order(attention_mask))
        return self.network(encoder_outputs=encoder_outputs, use_cache=use_cache, **inputs)

    def get_encoder(self) -> Any:
        """The encoder, which reads the virtual tokens before a prompt."""
        return self.encode

    def encode(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        inputs_embeds: Any = None,
        **inputs: Any,
    ) -> Any:
        """The encoder's output for rows (B, T), or their embeddings, of P + T positions."""
        embedded = inputs_embeds  # (B, T, D)
        if embedded is None:
            embedded = self.network.get_input_embeddings()(input_ids)
        virtual = self.prefix.weight.to(embedded.dtype).expand(len(embedded), -1, -1)  # (B, P, D)
        whole = torch.cat([virtual, embedded], dim=1)  # (B, P+T, D)
        if attention_mask is not None:
            order = self._order(attention_mask)
            whole = whole.gather(1, order[..., None].expand_as(whole))
            mask = widened(attention_mask, self.prefix.num_tokens)
            inputs["attention_mask"] = mask.gather(1, order)
        return self.network.get_encoder()(inputs_embeds=whole, **inputs)

    def _order(self, mask: torch.Tensor) -> torch.Tensor:
        """The order (B, P+T) that puts a row's padding on the left before the virtual tokens.

        An encoder counts how far apart tokens stand.
        """
        begun = (mask.cumsum(1) > 0).long() * 2  # (B, T)
        return widened(begun, self.prefix.num_tokens).argsort(dim=1, stable=True)


def embed_tokens(network: Any, ids: Sequence[int]) -> torch.Tensor:
    """A copy of the embeddings (P, D) of tokens."""
    rows = torch.tensor(list(ids), device=network.device)
    embeddings: torch.Tensor = network.get_input_embeddings()(rows)
    return embeddings.detach().float().clone()


def text_tokens(tokenizer: Any, text: str, num_tokens: int) -> list[int]:
    """A text's tokens, over again until there are so many.

    Raises:
        ConfigError: The text has more.
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if not 0 < len(ids) <= num_tokens:
        raise ConfigError(
            f"text: its {len(ids)} tokens must be 1 to num_virtual_tokens={num_tokens}; shorten "
            "it or take more virtual tokens"
        )
    return [ids[i % len(ids)] for i in range(num_tokens)]


def require_room(num_tokens: int, window: int) -> None:
    """Refuse to fill more than half of a context window with virtual tokens."""
    if num_tokens > window // 2:
        raise ConfigError(
            f"num_virtual_tokens={num_tokens}: at most {window // 2}, half of the base's context "
            f"window of {window} tokens, leaves room for prompts"
        )
