"""A fast forward pass of Llama networks to their hidden states, for training.

What transformers does around the same arithmetic (masks, caches, hooks, norms and rotations of
many small steps) costs a small network half its time. The weights are the network's own, so that
gradients go to them.

Letters: B rows, T tokens, D width, H heads, E head width, V vocabulary.
"""

from typing import Any

import torch
from torch.nn import functional
from transformers import LlamaForCausalLM

from acclimate.nn.fast_linear import FastLinear, linear


def can_run_training(network: Any, inputs: dict[str, Any]) -> bool:
    """Whether this pass computes what the network does: plain Llama, no mask, no dropout."""
    if type(network) is not LlamaForCausalLM or not set(inputs) <= {"input_ids", "use_cache"}:
        return False
    config = network.config
    is_plain = not (config.attention_bias or config.mlp_bias or config.attention_dropout)
    is_usual = config.hidden_act == "silu" and config.rope_parameters["rope_type"] == "default"
    has_own_keys = config.num_key_value_heads == config.num_attention_heads
    if not (is_plain and is_usual and has_own_keys) or network.is_activation_checkpointing:
        return False
    if any(m._forward_hooks or m._forward_pre_hooks for m in network.modules()):
        return False  # adapters work through them
    layers = [m for m in network.model.modules() if isinstance(m, torch.nn.Linear)]
    return len(layers) == 7 * config.num_hidden_layers and all(
        type(layer) is FastLinear and type(layer.weight) is torch.nn.Parameter for layer in layers
    )


def hidden_states(network: Any, ids: torch.Tensor) -> torch.Tensor:
    """Hidden states (B, T, D) that the output layer reads, for ids (B, T) without padding."""
    model, config = network.model, network.config
    turn = _rotation(model.rotary_emb.inv_freq, ids.shape[1])
    hidden = functional.embedding(ids, model.embed_tokens.weight)
    for layer in model.layers:
        seen = _norm(hidden, layer.input_layernorm)
        hidden = hidden + _attended(seen, layer.self_attn, config.num_attention_heads, turn)
        hidden = hidden + _gated(_norm(hidden, layer.post_attention_layernorm), layer.mlp)
    return _norm(hidden, model.norm)


def _attended(
    x: torch.Tensor, attention: Any, num_heads: int, turn: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Causal attention with the three projections as one."""
    q, k, v = attention.q_proj, attention.k_proj, attention.v_proj
    joined = linear(x, torch.cat([q.weight, k.weight, v.weight]))  # (B, T, 3HE)
    heads = joined.unflatten(-1, (3 * num_heads, -1))  # (B, T, 3H, E)
    queries_keys, values = heads.split([2 * num_heads, num_heads], dim=2)
    cosine, sine = turn
    half = heads.shape[-1] // 2
    turned = torch.addcmul(queries_keys * cosine, queries_keys.roll(half, -1), sine)
    queries, keys = turned.transpose(1, 2).split(num_heads, dim=1)  # (B, H, T, E)
    out = functional.scaled_dot_product_attention(
        queries, keys, values.transpose(1, 2), is_causal=True
    )
    return linear(out.transpose(1, 2).flatten(-2), attention.o_proj.weight)  # (B, T, D)


def _gated(x: torch.Tensor, mlp: Any) -> torch.Tensor:
    """The gated feed-forward layer (Shazeer 2020) with its two inner projections as one."""
    joined = linear(x, torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]))
    gate, up = joined.chunk(2, dim=-1)
    return linear(functional.silu(gate) * up, mlp.down_proj.weight)


def _norm(x: torch.Tensor, norm: Any) -> torch.Tensor:
    return functional.rms_norm(x, (x.shape[-1],), norm.weight, norm.variance_epsilon)


def _rotation(frequencies: torch.Tensor, num_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotary cosines, and sines signed for swapped halves, (T, 1, E) (Su et al. 2021)."""
    positions = torch.arange(num_tokens, device=frequencies.device)
    angles = positions[:, None, None] * frequencies.float()  # (T, 1, E/2)
    sines = angles.sin()
    return angles.cos().repeat(1, 1, 2), torch.cat([-sines, sines], dim=-1)
