"""Write a network and its tokenizer as one GGUF file, the format of llama.cpp.

Letters: H heads, D head width, E width of the layer's input.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
from numpy.typing import NDArray

from acclimate.core.errors import NotApplicableError

QuantizationKind = Literal["F32", "F16", "Q8_0"]
"""Of the matrices: as they are, half precision, or 8 bits with a scale for each 32 weights."""
HalfOrFloat = NDArray[np.float32]

_ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen3": "qwen3"}
"""Transformers' model type → what GGUF calls it."""
_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_NORMAL, _CONTROL = 1, 3
"""Kinds of token."""


def write_gguf(network: Any, tokenizer: Any, path: Path, kind: QuantizationKind = "F16") -> None:
    """Write the file, whole or not at all where the network is of a kind that it cannot hold.

    Args:
        network: A Llama, a Mistral without a sliding window, or a Qwen3.
        tokenizer: A fast one of byte-level BPE.
        path: The file to write.
        kind: How matrices are kept; vectors are always F32.

    Raises:
        NotApplicableError: The network or its tokenizer is of another kind.
    """
    config = network.config
    architecture = _architecture(config)
    merges = _merges(tokenizer)
    tensors = list(_tensors(network, architecture, kind))
    writer = gguf.GGUFWriter(str(path), architecture)
    _tell_sizes(writer, config)
    _tell_tokens(writer, tokenizer, merges, config.vocab_size)
    writer.add_file_type(gguf.LlamaFileType[_FILE_TYPES[kind]])
    for name, data, stored in tensors:
        writer.add_tensor(name, data, raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


_FILE_TYPES = {"F32": "ALL_F32", "F16": "MOSTLY_F16", "Q8_0": "MOSTLY_Q8_0"}


def _architecture(config: Any) -> str:
    name = _ARCHITECTURES.get(config.model_type)
    if name is None:
        raise NotApplicableError(
            f"our GGUF file holds {', '.join(_ARCHITECTURES)}, and this is a {config.model_type}"
        )
    rope = config.rope_parameters or {}
    window = getattr(config, "sliding_window", None)
    if rope.get("rope_type", "default") != "default":
        raise NotApplicableError(f"our GGUF file has no scaled positions ({rope['rope_type']})")
    if window and window < config.max_position_embeddings:
        raise NotApplicableError(f"our GGUF file has no sliding window; this one's is {window}")
    if getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False):
        raise NotApplicableError("our GGUF file has no biases, and this network has")
    return name


def _merges(tokenizer: Any) -> list[str]:
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    if model["type"] != "BPE" or model.get("byte_fallback"):
        raise NotApplicableError(
            f"our GGUF file holds tokenizers of byte-level BPE, and this is {model['type']}"
        )
    return [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]


def _tell_sizes(writer: Any, config: Any) -> None:
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(float((config.rope_parameters or {}).get("rope_theta", 10_000.0)))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _tell_tokens(writer: Any, tokenizer: Any, merges: list[str], vocab_size: int) -> None:
    by_id = {number: token for token, number in tokenizer.get_vocab().items()}
    tokens = [by_id.get(number, f"<unused {number}>") for number in range(vocab_size)]
    added = tokenizer.added_tokens_decoder
    kinds = [_CONTROL if i in added or i not in by_id else _NORMAL for i in range(vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    for name in ("bos", "eos", "pad"):
        number = getattr(tokenizer, f"{name}_token_id")
        if number is not None:
            getattr(writer, f"add_{name}_token_id")(number)
    writer.add_add_bos_token(False)


def _tensors(
    network: Any, architecture: str, kind: QuantizationKind
) -> Iterator[tuple[str, Any, Any]]:
    """Name, data as it is stored, and how."""
    config = network.config
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, weight in network.state_dict().items():
        stem = name.removesuffix(".weight")
        if stem == "lm_head" and config.tie_word_embeddings:
            continue
        data = weight.detach().float().cpu().numpy()
        layer = stem.rpartition(".")[2]
        if architecture == "llama" and layer in heads:
            data = _in_pairs(data, heads[layer])
        yield (f"{_gguf_name(stem)}.weight", *_stored(data, kind))


def _gguf_name(stem: str) -> str:
    if stem in _OUTSIDE:
        return _OUTSIDE[stem]
    _, _, number, inside = stem.split(".", 3)
    if inside not in _LAYER:
        raise NotApplicableError(f"our GGUF file has no place for the weights '{stem}'")
    return f"blk.{number}.{_LAYER[inside]}"


def _in_pairs(weight: HalfOrFloat, num_heads: int) -> HalfOrFloat:
    """Rows of a head in the order in which llama.cpp turns them: neighbours, not halves."""
    halves = weight.reshape(num_heads, 2, -1, weight.shape[1])  # (H, 2, D/2, E)
    return halves.swapaxes(1, 2).reshape(weight.shape)


def _stored(data: HalfOrFloat, kind: QuantizationKind) -> tuple[Any, Any]:
    if data.ndim == 1 or kind == "F32":
        return data, gguf.GGMLQuantizationType.F32
    if kind == "Q8_0" and data.shape[1] % 32 == 0:
        stored = gguf.GGMLQuantizationType.Q8_0
        return gguf.quants.quantize(data, stored), stored
    return data.astype(np.float16), gguf.GGMLQuantizationType.F16
