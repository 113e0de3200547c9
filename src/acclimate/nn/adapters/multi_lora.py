"""Multi-LoRA: each row of a pass goes through an adapter of its own (Punica).

Letters: K networks, N tokens of the rows of one, R rank, I inputs and O outputs of a layer.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from acclimate.core.runtime.silence import silenced

_ONLY = "default"
"""What PEFT calls the adapter of a network that has one."""
Updates = Mapping[str, Any]
"""PEFT's low-rank updates by the layer's name; none in a base as it is."""


class MultiLoraLinear(torch.nn.Module):
    """A linear layer whose rows, in K equal parts, have low-rank updates of their own.

    `x W' + s_k x A_k' B_k'` (Hu et al. 2022, equation 3) in three products whatever K is, as Chen
    et al. 2023 (Punica, https://arxiv.org/abs/2310.18547) batch adapters.
    """

    def __init__(self, layer: Any, updates: Sequence[Any | None]) -> None:
        """Take the place of `layer`.

        Args:
            layer: Without an adapter.
            updates: PEFT's of each part; None: it has none. Those of the greatest rank are from
                now on views of what is stacked here, so that they lie in memory once.
        """
        super().__init__()
        self.layer = layer
        first = next(update for update in updates if update is not None)
        self.in_features, self.out_features = first.in_features, first.out_features
        new = first.lora_A[_ONLY].weight.new_zeros
        rank = max(update.r[_ONLY] for update in updates if update is not None)
        self.down = new(len(updates), rank, self.in_features)  # (K, R, I)
        self.up = new(len(updates), self.out_features, rank)  # (K, O, R)
        self.scale = new(len(updates), 1, 1)
        for index, update in enumerate(updates):
            if update is not None:
                _move(update.lora_A[_ONLY], self.down[index, : update.r[_ONLY]])
                _move(update.lora_B[_ONLY], self.up[index, :, : update.r[_ONLY]])
                self.scale[index] = update.scaling[_ONLY]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (…, I) of KN tokens to (…, O)."""
        plain = self.layer(x)
        size = len(self.scale)
        inner = torch.bmm(x.reshape(size, -1, self.in_features), self.down.mT).mul_(self.scale)
        whole = torch.baddbmm(plain.reshape(size, -1, self.out_features), inner, self.up.mT)
        return whole.view(plain.shape)


def _move(part: Any, target: torch.Tensor) -> None:
    """Copy a matrix into the stack, and make it a view of that where it is contiguous."""
    target.copy_(part.weight)
    if target.is_contiguous():
        part.weight.data = target


def updates_of(network: Any, base: Any) -> Updates | None:
    """The low-rank updates that make a network of its base.

    Returns:
        None where more makes it, such as another kind of adapter or weights of its own.
    """
    known = _seen.get(network)
    if known is None or known[0]() is not base:
        known = _seen[network] = weakref.ref(base), _updates_between(network, base)
    return known[1]


def _updates_between(network: Any, base: Any) -> Updates | None:
    with silenced():
        from peft.tuners.lora.layer import Linear
        from peft.tuners.tuners_utils import BaseTunerLayer

    layers = {n: m for n, m in network.named_modules() if isinstance(m, BaseTunerLayer)}
    if not all(type(layer) is Linear and _is_plain(layer) for layer in layers.values()):
        return None
    known = {id(weight) for weight in base.parameters()}
    for layer in layers.values():
        known |= {id(w) for w in (layer.lora_A[_ONLY].weight, layer.lora_B[_ONLY].weight)}
    return layers if all(id(weight) in known for weight in network.parameters()) else None


def _is_plain(layer: Any) -> bool:
    """Whether the layer does nothing but add the product of its two matrices."""
    is_only = list(layer.lora_A) == [_ONLY] and layer.active_adapters == [_ONLY]
    is_on = not layer.merged and not layer.disable_adapters
    is_alike = is_only and layer.lora_A[_ONLY].weight.dtype == layer.get_base_layer().weight.dtype
    return is_on and is_alike and not layer.lora_variant and not layer.lora_bias[_ONLY]


_seen: "weakref.WeakKeyDictionary[Any, tuple[weakref.ref[Any], Updates | None]]"
_seen = weakref.WeakKeyDictionary()
"""By network: its base, and its updates."""
MultiLoraNetwork = tuple[tuple["weakref.ref[Any]", ...], Any]
_made: "weakref.WeakKeyDictionary[Any, MultiLoraNetwork]" = weakref.WeakKeyDictionary()
"""By the first network: all of them, and the network made of them."""


def multi_lora_network(
    networks: Sequence[Any], updates: Sequence[Updates], copied: Callable[[], Any]
) -> Any:
    """A network whose rows, in as many equal parts, go through these networks, in order.

    Args:
        networks: Of one base.
        updates: Which each of them adds to the base.
        copied: Gives a copy of the base's modules around the same weights.
    """
    parts, made = _made.get(networks[0], ((), None))
    if [part() for part in parts] != list(networks):
        made = _put_on(copied(), updates)
        _made[networks[0]] = tuple(map(weakref.ref, networks)), made
    return made


@torch.inference_mode(False)
@torch.no_grad()
def _put_on(network: Any, updates: Sequence[Updates]) -> Any:
    for name in dict.fromkeys(name for of_network in updates for name in of_network):
        above, _, last = name.rpartition(".")
        layer = network.get_submodule(name)
        joined = MultiLoraLinear(layer, [of_network.get(name) for of_network in updates])
        setattr(network.get_submodule(above), last, joined.eval())
    return network
