"""Bottleneck adapters inside a network of any family, for all tasks or for each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file, save_file

from acclimate.core.errors import NotApplicableError
from acclimate.nn.adapters.bottleneck import BottleneckForm, BottleneckModule
from acclimate.nn.adapters.interface import Adapter
from acclimate.nn.adapters.routing import AdapterRoutes
from acclimate.nn.adapters.virtual_tokens import VirtualTokens
from acclimate.nn.blocks import blocks, sublayers

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class BottleneckAdapter(Adapter):
    """Puts adapters on the layers of every block; the activation between keeps them apart."""

    def __init__(
        self, network: Any, form: BottleneckForm, places: Mapping[str, "BottleneckSite"]
    ) -> None:
        """Hold a network with adapters at places, by the names of their layers."""
        self.network, self.form, self.places = network, form, places

    @classmethod
    def new(cls, network: Any, form: BottleneckForm) -> Self:
        """Put new adapters on a network, in place.

        Raises:
            NotApplicableError: The network's blocks are not of attention and feed-forward layers,
                or tasks are to have adapters where a decoder reads virtual tokens.
            ConfigError: The form leaves the adapters no width.
        """
        if form.tasks:
            _require_no_virtual_tokens(network)
        names = {module: name for name, module in network.named_modules()}
        layer_width = network.config.get_text_config().hidden_size
        routes = AdapterRoutes.opened(network) if form.tasks else None
        places = {}
        for block in blocks(network):
            attentions, feed_forward = sublayers(block)
            for layer in (*(attentions if form.has_attention else ()), feed_forward):
                place = BottleneckSite(layer_width, form, routes)
                places[names[layer]] = place.to(next(layer.parameters()).device)
                _put(place, layer)
        return cls(network, form, places)

    def write(self, folder: Path) -> None:
        """Save in PEFT's two files, with fields of our own."""
        (folder / _CONFIG).write_text(self.form.model_dump_json(indent=2) + "\n")
        save_file(self._weights(), folder / _WEIGHTS)

    @classmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Build them again and fill in their weights."""
        form = BottleneckForm.model_validate_json((folder / _CONFIG).read_text())
        adapter = cls.new(network, form)
        saved = load_file(folder / _WEIGHTS)
        with torch.no_grad():
            for name, weight in adapter._weights().items():
                weight.copy_(saved[name])
        network.eval().requires_grad_(False)
        return adapter

    def _weights(self) -> dict[str, torch.Tensor]:
        return {
            f"{layer}.{name}": weight
            for layer, place in self.places.items()
            for name, weight in place.state_dict().items()
        }


class BottleneckSite(torch.nn.Module):
    """The adapters of one layer: one, or one for each task."""

    def __init__(
        self, layer_width: int, form: BottleneckForm, routes: AdapterRoutes | None
    ) -> None:
        super().__init__()
        count = len(form.tasks) or 1
        self.adapters = torch.nn.ModuleList(
            BottleneckModule(layer_width, form) for _ in range(count)
        )
        self.routes = routes
        self.numbers = routes.numbers(form.tasks) if routes else []

    def forward(self, read: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
        """What the layer says (B, T, D), changed; each adapter computes on its own tokens alone."""
        if self.routes is None:
            changed: torch.Tensor = self.adapters[0](read, said)
            return changed
        changed = said.clone()
        routes = self.routes.of_tokens(said)  # (B, T)
        for number, adapter in zip(self.numbers, self.adapters, strict=True):
            own = routes == number
            if own.any():
                changed[own] = adapter(read[own], said[own])  # (N, D)
        return changed


def _require_no_virtual_tokens(network: Any) -> None:
    is_decoder = not network.config.is_encoder_decoder
    if is_decoder and any(isinstance(module, VirtualTokens) for module in network.modules()):
        raise NotApplicableError(
            "an adapter for each task cannot stand on prompt_tuning, whose virtual tokens are read "
            "once for all tasks; set is_per_task=false, or take prefix_tuning instead"
        )


def _put(place: BottleneckSite, layer: torch.nn.Module) -> None:
    """After those that a layer has already."""
    if not hasattr(layer, "bottlenecks"):
        layer.bottlenecks = torch.nn.ModuleList()
        layer.register_forward_hook(_through, with_kwargs=True)
    layer.bottlenecks.append(place)  # type: ignore[union-attr,operator]


def _through(layer: Any, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
    # Finds the adapters by its layer: so that a copy of the network goes through its own copies.
    read = args[0] if args else kwargs["hidden_states"]
    said, *rest = output if isinstance(output, tuple) else (output,)
    for place in layer.bottlenecks:
        said = place(read, said)
    return (said, *rest) if isinstance(output, tuple) else said
