"""Train the direction of each weight by a low-rank update and its length apart."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.data import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model, NeuralModel
from acclimate.nn.low_rank import LowRank
from acclimate.nn.peft_adapter import PeftAdapter
from acclimate.training.settings import TrainingSettings
from acclimate.training.tuning import Lesson, tune


class DoRA(Method):
    """m (W + (alpha / rank) B A) / ‖W + (alpha / rank) B A‖ (Liu et al. 2024, equation 5).

    m is learned, a number for each output, and begins as ‖W‖; the norm below is taken as a
    constant in the gradient (the paper's section 4.3). An output whose weights are all zero has no
    direction, and stays zero.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2402.09353"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    rank: int = Field(default=8, ge=1)
    """Of A and B; with half of LoRA's it does better in the paper's table 1."""
    alpha: float = Field(default=16.0, gt=0)
    """Scale of the update; twice the rank, as in the paper's table 8."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the input of A while training; the paper's is 0.05."""
    target_modules: str | tuple[str, ...] = "all-linear"
    """Names of the layers that get an update; the paper leaves out two of seven."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak; LoRA's, as the paper takes over its settings."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train m, A and B beside a shared copy of the network, through PEFT."""
        return tune(
            base,
            data,
            Lesson(self._with_adapter),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )

    def _with_adapter(self, core: Any) -> NeuralModel:
        form = LowRank(self.rank, self.alpha, self.dropout, self.target_modules)
        adapted: NeuralModel = core.adapted(
            lambda network: PeftAdapter.new(network, form.config(network, use_dora=True))
        )
        return adapted
