"""The one matrix that a linear layer multiplies by, a LoRA adapter on it included."""

from typing import Any

import torch

from acclimate.nn.fast_linear import FastLinear


def is_plain_linear(layer: Any) -> bool:
    """Whether a layer is linear and has no adapter."""
    return type(layer) in (torch.nn.Linear, FastLinear)


def is_matrix(layer: Any) -> bool:
    """Whether a layer multiplies by one matrix and adds a bias, and does no more."""
    if is_plain_linear(layer):
        return True
    if not _is_lora(layer) or not is_plain_linear(layer.base_layer):
        return False
    names = layer.active_adapters
    has_biases = any(b.bias is not None for b in layer.lora_B.values())
    return not (layer.merged or has_biases or any(name in layer.lora_variant for name in names))


@torch.no_grad()
def weight_of(layer: Any) -> torch.Tensor:
    """The matrix: W, or W + s B A with the adapters that are on (Hu et al. 2021, equation 3)."""
    if is_plain_linear(layer):
        return layer.weight.detach()
    return layer.base_layer.weight + sum(map(layer.get_delta_weight, _on(layer)))


def bias_of(layer: Any) -> torch.Tensor | None:
    """The bias, if it has one."""
    return getattr(layer, "base_layer", layer).bias


def adapters_version(layers: list[Any]) -> tuple[Any, ...]:
    """Another value once other adapters of these layers are on, or count for more or less."""
    return tuple((name, layer.scaling[name]) for layer in layers for name in _on(layer))


def _on(layer: Any) -> list[str]:
    """Names of adapters that are on."""
    if not _is_lora(layer) or layer.disable_adapters:
        return []
    return [name for name in layer.active_adapters if name in layer.lora_A]


def _is_lora(layer: Any) -> bool:
    kind = type(layer)
    return (kind.__module__, kind.__qualname__) == ("peft.tuners.lora.layer", "Linear")
