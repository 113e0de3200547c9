"""Which networks the fast decoder runs exactly, and of which it may hold copies."""

from typing import Any

import torch
from torch.nn.utils import parametrize
from transformers import LlamaForCausalLM, MistralForCausalLM, Qwen3ForCausalLM
from transformers.models.llama import modeling_llama as llama
from transformers.models.mistral import modeling_mistral as mistral
from transformers.models.qwen3 import modeling_qwen3 as qwen3

from acclimate.nn.decoder.fused_weights import is_matrix, is_plain_linear
from acclimate.nn.threads import SMALL_PARAMS

_KINDS = {
    LlamaForCausalLM: (llama.LlamaDecoderLayer, llama.LlamaAttention, llama.LlamaMLP),
    MistralForCausalLM: (
        mistral.MistralDecoderLayer,
        mistral.MistralAttention,
        mistral.MistralMLP,
    ),
    Qwen3ForCausalLM: (qwen3.Qwen3DecoderLayer, qwen3.Qwen3Attention, qwen3.Qwen3MLP),
}
"""Of each class of networks, those of a layer, its attention and its feed-forward part."""
_NORMS = (llama.LlamaRMSNorm, mistral.MistralRMSNorm, qwen3.Qwen3RMSNorm)
_FIXED_TURNS = {"default", "linear", "llama3", "yarn"}
"""Rotary frequencies that stay as they are however long a row becomes."""
MAX_COPIED_PARAMS = 300_000_000
"""Their copies take 1.2 GB. Without them a step of 16 rows takes half as long again at 150 M
parameters, a step of one row as long."""


def can_run(network: Any) -> bool:
    """Whether the fast decoder computes exactly what the network does.

    Linear layers and embeddings may be of any class: they are called where they are not plain.
    """
    kinds = _KINDS.get(type(network))
    if kinds is None or network.dtype != torch.float32 or network.training:
        return False
    config, model = network.config, network.model
    if config.hidden_act != "silu" or config.rope_parameters["rope_type"] not in _FIXED_TURNS:
        return False
    if len(set(getattr(config, "layer_types", None) or ())) > 1:
        return False  # each kind has a mask of its own
    if not model.layers or not all(_is_usual(layer, *kinds) for layer in model.layers):
        return False
    return isinstance(model.norm, _NORMS) and not any(_is_changed(m) for m in network.modules())


def can_copy(network: Any) -> bool:
    """Whether its linear layers come to one matrix each, and there is memory for them twice.

    Where adapters are inside, there may be many around the same weights: only small ones are.
    """
    layers = linear_layers(network)
    limit = MAX_COPIED_PARAMS if all(map(is_plain_linear, layers)) else SMALL_PARAMS
    return all(map(is_matrix, layers)) and network.num_parameters() <= limit


def linear_layers(network: Any) -> list[Any]:
    """Of all layers, and the output layer, whatever class they are of."""
    layers = [network.lm_head]
    for layer in network.model.layers:
        layers += [*_projections(layer.self_attn), *_projections(layer.mlp)]
    return layers


def _is_usual(layer: Any, of_layer: type, of_attention: type, of_mlp: type) -> bool:
    norms = (layer.input_layernorm, layer.post_attention_layernorm)
    parts = ((layer, of_layer), (layer.self_attn, of_attention), (layer.mlp, of_mlp))
    return all(type(part) is kind for part, kind in parts) and all(type(n) in _NORMS for n in norms)


def _is_changed(module: Any) -> bool:
    """Whether a module has hooks or replaced parts, which its class does not show."""
    has_hooks = module._forward_hooks or module._forward_pre_hooks
    return bool(has_hooks) or "forward" in vars(module) or parametrize.is_parametrized(module)


def _projections(part: Any) -> list[Any]:
    return [child for name, child in part.named_children() if name.endswith("_proj")]
