"""Bottleneck adapters after the layers of a frozen network."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.bottleneck_adapter import BottleneckAdapter
from acclimate.training.bottleneck_method import BottleneckMethod
from acclimate.training.tuning_settings import TrainingSettings


class Bottleneck(BottleneckMethod):
    """h + f(h W_down) W_up of a layer's output, before the residual (Houlsby et al. 2019, fig. 2).

    Differs: Pfeiffer et al. put theirs behind the sum and norm that follow in BERT; pre-norm
    networks have no such place, and both placements stand before the sum.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/1902.00751"

    placement: Literal["pfeiffer", "houlsby"] = "pfeiffer"
    """After feed-forward layers alone (Pfeiffer et al. 2020: as good at half the size), or after
    attention layers too (Houlsby et al. 2019)."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak; 1e-4 is Pfeiffer et al.'s; small models take more."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def put_on(self, network: Any, core: Any, data: TrainData) -> BottleneckAdapter:
        """Put an adapter behind each layer of the placement."""
        form = self.form(data, has_attention=self.placement == "houlsby")
        return BottleneckAdapter.new(network, form)
