"""Parallel adapters beside the feed-forward layers of a frozen network."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.bottleneck_adapter import BottleneckAdapter
from acclimate.training.bottleneck_method import BottleneckMethod
from acclimate.training.tuning_settings import TrainingSettings


class ParallelAdapter(BottleneckMethod):
    """h + f(x W_down) W_up, with a layer's input x and output h (He et al. 2022, table 1)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2110.04366"

    reduction: int = Field(default=2, ge=1)
    """The layers' width over the adapters'; 2 is the paper's, 512 of 1024 (section 4.6)."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak; 1e-4 is the paper's for classification, half of it for longer answers."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def put_on(self, network: Any, core: Any, data: TrainData) -> BottleneckAdapter:
        """Put an adapter beside each feed-forward layer."""
        return BottleneckAdapter.new(network, self.form(data, is_parallel=True))
