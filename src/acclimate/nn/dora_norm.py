"""DoRA on weights with rows of zeros: a row without a direction keeps none."""

from functools import cache
from typing import Any

import torch


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
        """PEFT's own but for lengths of 0."""

        def get_weight_norm(self, *args: Any, **kwargs: Any) -> torch.Tensor:
            lengths: torch.Tensor = super().get_weight_norm(*args, **kwargs)
            return lengths.where(lengths > 0, 1.0)

    return SafeDoraLayer
