"""Base class of methods that train bottleneck adapters beside or after layers."""

from typing import Any

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.bottleneck import Activation, BottleneckForm
from acclimate.training.adapter_method import AdapterMethod


class BottleneckMethod(AdapterMethod):
    """Trains f(x W_down) W_up for some layers; which, and what x is, the method says."""

    reduction: int = Field(default=16, ge=1)
    """The layers' width over the adapters'; 16 is Pfeiffer et al.'s."""
    activation: Activation = "relu"
    """f; ReLU did best in Pfeiffer et al. 2020, and is He et al.'s."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On f(x W_down) while training."""
    is_per_task: bool = False
    """One adapter for each training task, on one base; other tasks use none."""

    def form(self, data: TrainData, **more: Any) -> BottleneckForm:
        """What adapters compute, with more of its fields given."""
        with_items = tuple(task.name for task in data.train if task.items)
        return BottleneckForm(
            reduction=self.reduction,
            activation=self.activation,
            dropout=self.dropout,
            tasks=with_items if self.is_per_task else (),
            **more,
        )
