"""Adapters of the PEFT library (LoRA, DoRA and others) inside a network."""

import copy
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from acclimate.core.runtime.silence import silenced
from acclimate.nn.adapters.interface import Adapter
from acclimate.nn.fast_linear import use_fast_linears


class PeftAdapter(Adapter):
    """Puts a PEFT configuration's layers in place of a network's; saves in PEFT's own format."""

    kind: ClassVar[str] = "peft"

    def __init__(self, model: Any) -> None:
        """Hold a PeftModel."""
        self.model = model
        # An adapter's own small matrices gain from the faster product as the large ones do.
        self.network = use_safe_norms(use_fast_linears(model.get_base_model()))

    @classmethod
    def new(cls, network: Any, config: Any) -> Self:
        """Put a new adapter on a network, in place."""
        with silenced():
            from peft import get_peft_model

            return cls(get_peft_model(network, config))

    def write(self, folder: Path) -> None:
        """Save in PEFT's format."""
        with silenced():
            self.model.save_pretrained(folder)

    @classmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Load what PEFT saved, here or elsewhere."""
        with silenced():
            from peft import PeftModel

            return cls(PeftModel.from_pretrained(network, folder).eval())

    def merged(self) -> Any:
        """A copy with the update added to the weights."""
        return copy.deepcopy(self.model).merge_and_unload()


def use_safe_norms(network: Any) -> Any:
    """Let PEFT's DoRA layers in a network take zero rows, in place; same network.

    They divide by each row's length; a row of length 0, whose learned length is 0 as well, would
    become 0/0. It stays zero instead, in training too. Only the class of a layer changes.
    """
    for module in network.modules():
        if type(module).__name__ == "DoraLinearLayer":
            module.__class__ = _safe_kind()
    return network


@cache
def _safe_kind() -> type:
    from peft.tuners.lora.dora import DoraLinearLayer

    class SafeDoraLayer(DoraLinearLayer):
        """PEFT's layer, with lengths of 0 taken as 1."""

        def get_weight_norm(self, *args: Any, **kwargs: Any) -> torch.Tensor:
            lengths: torch.Tensor = super().get_weight_norm(*args, **kwargs)
            return lengths.where(lengths > 0, 1.0)

    return SafeDoraLayer
