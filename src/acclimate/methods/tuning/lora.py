"""Train low-rank updates of the weights, which stay as they are."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.data import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model, NeuralModel
from acclimate.nn.peft_adapter import PeftAdapter
from acclimate.training.settings import TrainingSettings
from acclimate.training.tuning import Lesson, tune


class LoRA(Method):
    """W + (alpha / rank) B A with B = 0 at the start (Hu et al. 2022, equation 3)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2106.09685"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    rank: int = Field(default=8, ge=1)
    """Of A and B; the paper's table 6 finds 4 to 8 enough on many tasks."""
    alpha: float = Field(default=16.0, gt=0)
    """Scale of the update; twice the rank is common practice."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the input of A while training; the paper's is 0.1 for small data."""
    target_modules: str | tuple[str, ...] = "all-linear"
    """Names of the layers that get an update; all of them does best (Dettmers et al. 2023)."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak; ten times full tuning's (Schulman et al. 2025)."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train A and B beside a shared copy of the network, through PEFT."""
        return tune(
            base,
            data,
            Lesson(self._with_adapter),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )

    def _with_adapter(self, core: Any) -> NeuralModel:
        from peft import LoraConfig

        targets = self.target_modules
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=targets if isinstance(targets, str) else list(targets),
            task_type="SEQ_2_SEQ_LM" if core.is_seq2seq else "CAUSAL_LM",
        )
        adapted: NeuralModel = core.adapted(lambda network: PeftAdapter.new(network, config))
        return adapted
