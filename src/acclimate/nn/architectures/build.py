"""Build networks with fresh weights, each in transformers' own classes."""

from typing import Any, Literal, Self

import torch
import transformers
from pydantic import Field, field_validator, model_validator

from acclimate.core.errors import ConfigError
from acclimate.core.record import Record
from acclimate.nn.architectures.induction_heads import write_copying_circuit
from acclimate.nn.architectures.sizes import (
    LAYER_WEIGHTS,
    LayerSizes,
    ffn_dim,
    head_dim_of,
    num_params_of,
    sizes,
)


class ModelSettings(Record):
    """The architecture of a network; sizes follow from `size` unless given."""

    family: Literal["llama", "qwen3", "bert", "modernbert", "t5"] = "llama"
    """Decoder-only (llama, qwen3), encoder-only (bert, modernbert), encoder-decoder (t5)."""
    size: str | int = "1m"
    """The dial: 1m 8m 30m 120m 350m 1b 7b, or a count of parameters."""
    num_layers: int | None = Field(default=None, ge=1)
    """Depth; of the encoder and of the decoder each, with t5."""
    embed_dim: int | None = Field(default=None, ge=8)
    """Width."""
    num_heads: int | None = Field(default=None, ge=1)
    """Query heads; must divide the width."""
    num_kv_heads: int | None = Field(default=None, ge=1)
    """Key and value heads; must divide the heads."""
    max_seq_len: int = Field(default=1024, ge=8)
    """Context window, tokens."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On attention, embeddings and residuals where the family has it; 0 when each token is seen
    once, 0.1 is BERT's."""
    is_tied: bool = True
    """One table for embedding and output layer; always with t5."""
    rope_theta: float = Field(default=10_000.0, gt=0)
    """Base of the rotary frequencies (Su et al. 2021); larger for long contexts."""
    has_copying_circuit: bool = False
    """Begin with heads that copy from the context, written into the weights (llama alone)."""

    @field_validator("size")
    @classmethod
    def _means_a_number(cls, size: str | int) -> str | int:
        num_params_of(size)
        return size

    @model_validator(mode="after")
    def _family_can(self) -> Self:
        if self.has_copying_circuit and self.family != "llama":
            raise ValueError(f"has_copying_circuit: only llama can, not {self.family}")
        if self.family == "t5" and not self.is_tied:
            raise ValueError("is_tied=False: t5 has one table in transformers")
        return self


OBJECTIVES = {
    "llama": "causal",
    "qwen3": "causal",
    "bert": "masked",
    "modernbert": "masked",
    "t5": "spans",
}
"""What each family learns to predict."""

_SHARES_KEYS = {"llama", "qwen3"}
"""Families whose query heads may share key heads."""
_PAIR_WEIGHTS = 28
"""Times the width squared, of a layer of T5's encoder and one of its decoder, which also attends
to the encoder."""


def sizes_of(settings: ModelSettings, vocab_size: int) -> LayerSizes:
    """The layer sizes of settings with a vocabulary.

    Raises:
        ConfigError: Heads do not divide what they must.
    """
    is_pair = settings.family == "t5"
    dial = sizes(
        num_params_of(settings.size),
        vocab_size,
        is_tied=settings.is_tied,
        layer_weights=_PAIR_WEIGHTS // 2 if is_pair else LAYER_WEIGHTS,
    )
    width = settings.embed_dim or dial.embed_dim
    own_heads = max(1, width // head_dim_of(width)) if settings.embed_dim else dial.num_heads
    heads = settings.num_heads or own_heads
    shares = settings.family in _SHARES_KEYS and heads == dial.num_heads
    kv_heads = settings.num_kv_heads or (dial.num_kv_heads if shares else heads)
    layers = settings.num_layers or max(1, round(dial.num_layers / (2 if is_pair else 1)))
    if width % heads or (width // heads) % 2 or heads % kv_heads:
        raise ConfigError(
            f"model: embed_dim={width}, num_heads={heads}, num_kv_heads={kv_heads}: heads must "
            "divide the width into even parts, and key heads the heads"
        )
    return LayerSizes(layers, width, heads, kv_heads)


def new_network(settings: ModelSettings, tokenizer: Any, *, seed: int) -> Any:
    """A network with fresh weights for a tokenizer's vocabulary; the same for the same seed.

    Raises:
        ConfigError: The sizes cannot be.
    """
    vocab_size = len(tokenizer)
    chosen = sizes_of(settings, vocab_size)
    torch.manual_seed(seed)
    network = _BUILDERS[settings.family](settings, chosen, tokenizer)
    if settings.has_copying_circuit:
        write_copying_circuit(network, seed=seed)
    return network


def _llama(settings: ModelSettings, chosen: LayerSizes, tokenizer: Any) -> Any:
    config = transformers.LlamaConfig(**_decoder(settings, chosen, tokenizer))
    return transformers.LlamaForCausalLM(config)


def _qwen3(settings: ModelSettings, chosen: LayerSizes, tokenizer: Any) -> Any:
    config = transformers.Qwen3Config(**_decoder(settings, chosen, tokenizer))
    return transformers.Qwen3ForCausalLM(config)


def _decoder(settings: ModelSettings, chosen: LayerSizes, tokenizer: Any) -> dict[str, Any]:
    return {
        **_shared(settings, chosen, tokenizer),
        "intermediate_size": ffn_dim(chosen.embed_dim, chosen.num_kv_heads / chosen.num_heads),
        "num_key_value_heads": chosen.num_kv_heads,
        "head_dim": chosen.embed_dim // chosen.num_heads,
        "rope_parameters": {"rope_type": "default", "rope_theta": settings.rope_theta},
        "attention_dropout": settings.dropout,
    }


def _shared(settings: ModelSettings, chosen: LayerSizes, tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": chosen.embed_dim,
        "num_hidden_layers": chosen.num_layers,
        "num_attention_heads": chosen.num_heads,
        "max_position_embeddings": settings.max_seq_len,
        "tie_word_embeddings": settings.is_tied,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _bert(settings: ModelSettings, chosen: LayerSizes, tokenizer: Any) -> Any:
    config = transformers.BertConfig(
        **_shared(settings, chosen, tokenizer),
        intermediate_size=4 * chosen.embed_dim,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.dropout,
    )
    return transformers.BertForMaskedLM(config)


def _modernbert(settings: ModelSettings, chosen: LayerSizes, tokenizer: Any) -> Any:
    config = transformers.ModernBertConfig(
        **_shared(settings, chosen, tokenizer),
        intermediate_size=ffn_dim(chosen.embed_dim),
        attention_dropout=settings.dropout,
        embedding_dropout=settings.dropout,
        mlp_dropout=settings.dropout,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
    )
    return transformers.ModernBertForMaskedLM(config)


def _t5(settings: ModelSettings, chosen: LayerSizes, tokenizer: Any) -> Any:
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=chosen.embed_dim,
        d_kv=chosen.embed_dim // chosen.num_heads,
        d_ff=ffn_dim(chosen.embed_dim),
        num_layers=chosen.num_layers,
        num_heads=chosen.num_heads,
        dropout_rate=settings.dropout,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=settings.is_tied,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    return transformers.T5ForConditionalGeneration(config)


_BUILDERS = {"llama": _llama, "qwen3": _qwen3, "bert": _bert, "modernbert": _modernbert, "t5": _t5}
