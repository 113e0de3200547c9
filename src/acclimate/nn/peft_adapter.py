"""An adapter of the PEFT library (LoRA and its kin) inside a network."""

import copy
from pathlib import Path
from typing import Any, Self

from acclimate.core.quiet import quietly
from acclimate.nn.adapter import Adapter
from acclimate.nn.dora_norm import use_safe_norms
from acclimate.nn.linear import use_fast_linears


class PeftAdapter(Adapter):
    """Puts a PEFT configuration's layers in place of a network's; saves in PEFT's own format."""

    def __init__(self, model: Any) -> None:
        """Hold a PeftModel."""
        self.model = model
        # An adapter's own small matrices gain from the faster product as the large ones do.
        self.network = use_safe_norms(use_fast_linears(model.get_base_model()))

    @classmethod
    def new(cls, network: Any, config: Any) -> Self:
        """Put a new adapter on a network, in place."""
        with quietly():
            from peft import get_peft_model

            return cls(get_peft_model(network, config))

    def write(self, folder: Path) -> None:
        """Save in PEFT's format."""
        with quietly():
            self.model.save_pretrained(folder)

    @classmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Load what PEFT, ours or anybody's, saved."""
        with quietly():
            from peft import PeftModel

            return cls(PeftModel.from_pretrained(network, folder).eval())

    def merged(self) -> Any:
        """A copy with the update added to the weights."""
        return copy.deepcopy(self.model).merge_and_unload()
