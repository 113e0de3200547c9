"""Bottleneck adapters inside a network of any family, for all tasks or for each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

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
    """Bottleneck adapters on the layers of every block; their activation forbids merging."""

    kind: ClassVar[str] = "bottleneck"

    def __init__(
        self, network: Any, form: BottleneckForm, sites: Mapping[str, "BottleneckSite"]
    ) -> None:
        """Hold a network with adapters, by the names of their layers."""
        self.network, self.form, self.sites = network, form, sites

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
        sites = {}
        for block in blocks(network):
            attentions, feed_forward = sublayers(block)
            for layer in (*(attentions if form.has_attention else ()), feed_forward):
                site = BottleneckSite(layer_width, form, routes)
                sites[names[layer]] = site.to(next(layer.parameters()).device)
                _put(site, layer)
        return cls(network, form, sites)

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
            for layer, site in self.sites.items()
            for name, weight in site.state_dict().items()
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

    def forward(self, read: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """The layer's output (B, T, D), changed; each adapter computes on its own tokens alone."""
        if self.routes is None:
            changed: torch.Tensor = self.adapters[0](read, output)
            return changed
        changed = output.clone()
        routes = self.routes.of_tokens(output)  # (B, T)
        for number, adapter in zip(self.numbers, self.adapters, strict=True):
            is_routed = routes == number
            if is_routed.any():
                changed[is_routed] = adapter(read[is_routed], output[is_routed])  # (N, D)
        return changed


def _require_no_virtual_tokens(network: Any) -> None:
    is_decoder = not network.config.is_encoder_decoder
    if is_decoder and any(isinstance(module, VirtualTokens) for module in network.modules()):
        raise NotApplicableError(
            "an adapter for each task cannot stand on prompt_tuning, whose virtual tokens are read "
            "once for all tasks; set is_per_task=false, or take prefix_tuning instead"
        )


def _put(site: BottleneckSite, layer: torch.nn.Module) -> None:
    """Put adapters on a layer, after those that it has already."""
    if not hasattr(layer, "bottlenecks"):
        layer.bottlenecks = torch.nn.ModuleList()
        layer.register_forward_hook(_through, with_kwargs=True)
    layer.bottlenecks.append(site)  # type: ignore[union-attr,operator]


def _through(layer: Any, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
    # The adapters come from the layer, so that a copy of the network goes through its own copies.
    read = args[0] if args else kwargs["hidden_states"]
    hidden, *rest = output if isinstance(output, tuple) else (output,)
    for site in layer.bottlenecks:
        hidden = site(read, hidden)
    return (hidden, *rest) if isinstance(output, tuple) else hidden
