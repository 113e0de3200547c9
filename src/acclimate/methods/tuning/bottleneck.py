"""Train narrow networks put after the layers of a frozen one."""

from typing import ClassVar, Literal

from pydantic import Field

from acclimate.core.data import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.nn.bottleneck import Activation, BottleneckForm
from acclimate.nn.bottleneck_adapter import BottleneckAdapter
from acclimate.training.settings import TrainingSettings
from acclimate.training.tuning import Lesson, tune


class Bottleneck(Method):
    """h + f(h W_down) W_up on what a layer says, before it is added (Houlsby et al. 2019, fig. 2).

    Differs: Pfeiffer et al. put theirs behind the sum and norm that follow in BERT; in networks
    that norm first there is nothing of the kind, and both placements stand before the sum.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/1902.00751"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    placement: Literal["pfeiffer", "houlsby"] = "pfeiffer"
    """After feed-forward layers alone (Pfeiffer et al. 2020: as good at half the size), or after
    attention layers too (Houlsby et al. 2019)."""
    reduction: int = Field(default=16, ge=1)
    """The layers' width over the adapters'; 16 is Pfeiffer et al.'s."""
    activation: Activation = "relu"
    """f; Pfeiffer et al. found ReLU the best."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On f(h W_down) while training."""
    is_per_task: bool = False
    """One adapter for each training task, on one base; other tasks go without."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak; 1e-4 is Pfeiffer et al.'s; small models take more."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train the adapters inside a shared copy of the network."""
        form = BottleneckForm(
            has_attention=self.placement == "houlsby",
            reduction=self.reduction,
            activation=self.activation,
            dropout=self.dropout,
            tasks=tuple(t.name for t in data.train if t.items) if self.is_per_task else (),
        )

        return tune(
            base,
            data,
            Lesson(lambda core: core.adapted(lambda net: BottleneckAdapter.new(net, form))),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )
