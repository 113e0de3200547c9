"""Prefixes in PEFT's file format: keys and values, or virtual tokens.

Letters: P virtual tokens, L layers.
"""

from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import load_file, save_file

from acclimate.core.runtime.silence import silenced
from acclimate.nn.adapters.interface import Adapter
from acclimate.nn.adapters.prefix import KeysValues, Prefixed, PrefixShape
from acclimate.nn.adapters.virtual_tokens import EncoderPrompted, VirtualTokens

_WEIGHTS, _NAME = "adapter_model.safetensors", "prompt_embeddings"


class PrefixAdapter(Adapter):
    """A prefix before every row of a network; it cannot be merged into the network's weights."""

    kind: ClassVar[str] = "prefix"

    def __init__(self, network: Any, prefix: KeysValues | VirtualTokens) -> None:
        """Put a prefix before every row of a network."""
        self.prefix = prefix
        is_encoders = network.config.is_encoder_decoder and isinstance(prefix, VirtualTokens)
        around: Any = EncoderPrompted if is_encoders else Prefixed
        self.network = around(network, prefix.to(network.device))

    def write(self, folder: Path) -> None:
        """Save what PEFT loads."""
        config, weights = self._saved()
        config.save_pretrained(folder)
        save_file({_NAME: weights.detach().cpu().contiguous()}, folder / _WEIGHTS)

    @classmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Put the saved prefix on a network."""
        with silenced():
            from peft import PeftConfig

            config = PeftConfig.from_pretrained(str(folder))
        # In memory of its own, as a new one is.
        weights = load_file(folder / _WEIGHTS)[_NAME].clone()
        if config.peft_type == "PROMPT_TUNING":
            prefix: Any = VirtualTokens(weights)
        else:
            prefix = _keys_values(config, weights, is_seq2seq=network.config.is_encoder_decoder)
        adapter = cls(network, prefix)
        adapter.network.eval().requires_grad_(False)
        return adapter

    def _saved(self) -> tuple[Any, torch.Tensor]:
        """PEFT's configuration, and the weights as it has them."""
        with silenced():
            from peft import PrefixTuningConfig, PromptTuningConfig

        is_seq2seq = self.network.config.is_encoder_decoder
        form = {
            "task_type": "SEQ_2_SEQ_LM" if is_seq2seq else "CAUSAL_LM",
            "inference_mode": True,
            "num_virtual_tokens": self.prefix.num_tokens,
        }
        if isinstance(self.prefix, VirtualTokens):
            return PromptTuningConfig(num_transformer_submodules=1, **form), self.prefix.weight
        num_layers, num_heads, head_dim = self.prefix.shape
        weights = self.prefix.flat()
        if is_seq2seq:
            # PEFT takes every second pair for the attention to the encoder, and drops it.
            pairs = weights.unflatten(1, (num_layers, -1))  # (P, L, 2HE)
            weights = torch.stack([pairs, torch.zeros_like(pairs)], dim=2).flatten(1)
            num_layers *= 2
        form |= {
            "num_layers": num_layers,
            "num_attention_heads": num_heads,
            "token_dim": num_heads * head_dim,
        }
        return PrefixTuningConfig(**form), weights


def _keys_values(config: Any, weights: torch.Tensor, *, is_seq2seq: bool) -> KeysValues:
    num_layers, num_heads = config.num_layers, config.num_attention_heads
    if is_seq2seq:
        num_layers //= 2
        weights = weights.unflatten(1, (num_layers, 2, -1))[:, :, 0].flatten(1)
    shape = PrefixShape(num_layers, num_heads, config.token_dim // num_heads)
    return KeysValues(weights.contiguous(), shape)
