"""Decoder layers of a Llama-like network in few operations.

A small network spends its time on the number of operations, not on what they compute: its
projections are joined and its norms' weights folded into them, in copies. A large one spends it
on reading weights: its own modules are called, and nothing is copied.

Letters: N tokens of all rows, D width, F inner width, H heads, K key heads, E head width, V
vocabulary.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch.nn import functional

from acclimate.nn.decoder.fused_weights import bias_of, weight_of
from acclimate.nn.fast_linear import LARGE_WEIGHTS

Map = Callable[[torch.Tensor], torch.Tensor]


class Layer(Protocol):
    """The parts of a decoder layer beside attention itself."""

    turn_norm: Map | None
    """Norm of queries and keys (…, H + K, T, E), where there is one."""

    def heads(self, hidden: torch.Tensor) -> torch.Tensor:
        """Queries, keys and values of normed hidden states, (N, (H + 2K)E)."""

    def plus_attended(self, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Hidden states plus the output projection of attention's (N, HE)."""

    def plus_gated(self, hidden: torch.Tensor) -> torch.Tensor:
        """Hidden states plus the output of the gated feed-forward layer (Shazeer 2020)."""


class OwnLayer:
    """A layer that calls the network's own modules."""

    def __init__(self, layer: Any) -> None:
        """Hold the modules."""
        self.inner, self.outer = layer.input_layernorm, layer.post_attention_layernorm
        attention = layer.self_attn
        self.projections = attention.q_proj, attention.k_proj, attention.v_proj
        self.out, self.mlp = attention.o_proj, layer.mlp
        self.turn_norm = turn_norm(attention)

    def heads(self, hidden: torch.Tensor) -> torch.Tensor:
        """Queries, keys and values by three projections."""
        seen = norm(hidden, self.inner)
        return torch.cat([project(seen) for project in self.projections], -1)

    def plus_attended(self, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Add the output projection, not in place: an adapter may be in any of the modules."""
        return hidden + self.out(attended)

    def plus_gated(self, hidden: torch.Tensor) -> torch.Tensor:
        """Add the module's own output."""
        return hidden + self.mlp(norm(hidden, self.outer))


class JoinedLayer:
    """A layer of copies: five operations for the projections and the norms before them."""

    def __init__(self, layer: Any) -> None:
        """Copy the weights."""
        attention, mlp = layer.self_attn, layer.mlp
        joined = [attention.q_proj, attention.k_proj, attention.v_proj]
        self.heads = Joined(joined, layer.input_layernorm)
        self.gate_up = Joined([mlp.gate_proj, mlp.up_proj], layer.post_attention_layernorm)
        self.out, self.down = Joined([attention.o_proj]), Joined([mlp.down_proj])
        self.turn_norm = turn_norm(attention)

    def plus_attended(self, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Add the output projection, in place."""
        return self.out.add_to(hidden, attended)

    def plus_gated(self, hidden: torch.Tensor) -> torch.Tensor:
        """Add the feed-forward output, in place."""
        gate, up = self.gate_up(hidden).chunk(2, -1)
        return self.down.add_to(hidden, functional.silu(gate).mul_(up))


class Joined:
    """Linear layers of one input joined to one, with the norm before them folded in."""

    def __init__(self, layers: Sequence[Any], before: Any = None) -> None:
        """Copy their weights, the norm's folded in."""
        weight = torch.cat([weight_of(layer) for layer in layers])
        self.floor: torch.Tensor | None = None
        if before is not None:
            width = weight.shape[1]
            self.floor = weight.new_tensor(math.sqrt(width * before.variance_epsilon))
            weight = weight * (before.weight.detach() * math.sqrt(width))
        biases = [bias for layer in layers if (bias := bias_of(layer)) is not None]
        self.bias = torch.cat(biases).detach() if biases else None
        self.packed, self.size = packed_weight(weight), weight.numel()
        is_large = self.packed is not None and self.size >= LARGE_WEIGHTS
        self.weight = None if is_large else weight.t().contiguous()
        """(D, N'): read from end to end by a product with one row."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, D) to (N, N')."""
        if self.floor is not None:
            # x / sqrt(mean x^2 + eps) = sqrt(D) x / sqrt(|x|^2 + D eps)
            x = x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), self.floor)
        if self.weight is None or (self.packed is not None and x.shape[0] * self.size > MIN_WORK):
            return onednn(x, self.packed, self.bias)
        if self.bias is None:
            return torch.mm(x, self.weight)
        return torch.addmm(self.bias, x, self.weight)

    def add_to(self, hidden: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Add to hidden states, in place."""
        if self.weight is None or self.bias is not None or x.shape[0] * self.size > MIN_WORK:
            return hidden.add_(self(x))
        return hidden.addmm_(x, self.weight)


MIN_WORK = 2**19
"""Rows times weights of a product for which oneDNN takes less time than the default, with weights
laid out for it: 16 rows take 0.08 ms for 0.19 at 4096 x 128, 16 us for 18 at 384 x 128; one row is
the slower."""


def packed_weight(weight: torch.Tensor) -> torch.Tensor | None:
    """The weight in oneDNN's own layout; None where oneDNN is not available."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return None
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, 16)
    return packed


def onednn(x: torch.Tensor, weight: Any, bias: torch.Tensor | None) -> torch.Tensor:
    """The product of (N, D) with a packed weight."""
    out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return out


def norm(x: torch.Tensor, module: Any) -> torch.Tensor:
    """A network's RMS norm."""
    return functional.rms_norm(x, (x.shape[-1],), module.weight, module.variance_epsilon)


def turn_norm(attention: Any) -> Map | None:
    """The norm of each head's queries and keys before rotary embedding; None: there is none."""
    if not hasattr(attention, "q_norm"):
        return None
    queries, keys, config = attention.q_norm, attention.k_norm, attention.config
    weights = [
        queries.weight.expand(config.num_attention_heads, 1, -1),
        keys.weight.expand(config.num_key_value_heads, 1, -1),
    ]
    weight = torch.cat(weights).detach()  # (H + K, 1, E)
    width, eps = weight.shape[-1], queries.variance_epsilon

    def normed(x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (width,), None, eps) * weight

    return normed
