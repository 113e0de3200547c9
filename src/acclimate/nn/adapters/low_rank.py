"""Low-rank updates: the layers of a network that get one, checked, for PEFT."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from acclimate.core.errors import ConfigError
from acclimate.core.runtime.silence import silenced

ALL_LINEAR = "all-linear"


@dataclass(frozen=True)
class LowRank:
    """W + (alpha / rank) B A: A of (rank, inputs) and B of (outputs, rank)."""

    rank: int
    alpha: float
    dropout: float
    """On the input of A while training."""
    target_modules: str | tuple[str, ...]
    """`all-linear`, or how the names of the layers end."""

    def config(self, network: Any, **more: Any) -> Any:
        """PEFT's configuration for a network; more of its fields may be given.

        Raises:
            ConfigError: The network has no layer of a name, or one is narrower than the rank.
        """
        with silenced():
            from peft import LoraConfig

        layers = adaptable_linear_layers(network)
        names = self._names(layers)
        self._require_width({n: m for n, m in layers.items() if _ends(n, names)})
        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=names,
            task_type="SEQ_2_SEQ_LM" if network.config.is_encoder_decoder else "CAUSAL_LM",
            **more,
        )

    def _names(self, layers: Mapping[str, torch.nn.Module]) -> list[str]:
        known = sorted({name.rpartition(".")[2] for name in layers})
        if self.target_modules == ALL_LINEAR:
            return known
        wanted = self.target_modules
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        if not names:
            raise ConfigError(
                f"target_modules: names no layer; name some of {', '.join(known)}, or say "
                f"{ALL_LINEAR}"
            )
        for name in names:
            if not any(_ends(layer, [name]) for layer in layers):
                near = get_close_matches(name, known, n=1, cutoff=0.5)
                mend = f" (did you mean {near[0]}?)" if near else ""
                raise ConfigError(
                    f"target_modules: the base has no linear layer called '{name}'{mend}; it has "
                    f"{', '.join(known)}, or say {ALL_LINEAR}"
                )
        return names

    def _require_width(self, layers: Mapping[str, torch.nn.Module]) -> None:
        narrowest = min(layers, key=lambda name: min(widths(layers[name])), default="")
        if narrowest and self.rank > min(limits := widths(layers[narrowest])):
            raise ConfigError(
                f"rank={self.rank}: {narrowest} maps {limits[0]} to {limits[1]} numbers, so "
                f"{min(limits)} is the most; choose that or less, or name wider layers in "
                "target_modules"
            )


def adaptable_linear_layers(network: Any) -> dict[str, torch.nn.Module]:
    """Every linear layer by its name, but for the output layer over the vocabulary."""
    head = network.get_output_embeddings()
    kinds = (torch.nn.Linear, Conv1D)
    modules = network.named_modules()
    return {name: m for name, m in modules if isinstance(m, kinds) and m is not head}


def widths(layer: Any) -> tuple[int, int]:
    """Inputs and outputs of a linear layer."""
    if isinstance(layer, Conv1D):
        return layer.nx, layer.nf
    return layer.in_features, layer.out_features


def _ends(layer: str, names: list[str]) -> bool:
    return any(layer == name or layer.endswith(f".{name}") for name in names)
