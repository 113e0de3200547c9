"""Train scaled narrow networks beside the feed-forward layers of a frozen one."""

from typing import ClassVar

from pydantic import Field

from acclimate.core.data import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.nn.bottleneck import Activation, BottleneckForm
from acclimate.nn.bottleneck_adapter import BottleneckAdapter
from acclimate.training.settings import TrainingSettings
from acclimate.training.tuning import Lesson, tune


class ScaledParallelAdapter(Method):
    """h + s f(x W_down) W_up, where the layer makes h of x (He et al. 2022, section 4.5)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2110.04366"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    reduction: int = Field(default=2, ge=1)
    """The layers' width over the adapters'; 2 is the paper's, 512 of 1024 (section 4.6)."""
    scale: float = 4.0
    """s; 4 is the paper's."""
    is_scale_learned: bool = False
    """Whether each adapter learns its own s from there on; no better in the paper's table 5."""
    activation: Activation = "relu"
    """f; the paper's is ReLU."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On f(x W_down) while training."""
    is_per_task: bool = False
    """One adapter for each training task, on one base; other tasks go without."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak; 1e-4 is the paper's for classification, half of it for longer answers."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train the adapters inside a shared copy of the network."""
        form = BottleneckForm(
            is_parallel=True,
            scale=self.scale,
            is_scale_learned=self.is_scale_learned,
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
