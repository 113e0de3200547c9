"""Fine-tune every weight on the training items."""

from typing import ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.training.finetune import finetune
from acclimate.training.retention.settings import Retention
from acclimate.training.tuning_settings import TrainingSettings


class FullFinetuning(Method):
    """Full fine-tuning: cross-entropy on answers, prompts masked (Howard and Ruder 2018)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/1801.06146"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "train_items"})
    is_trained: ClassVar[bool] = True

    learning_rate: float = Field(default=2e-5, gt=0)
    """Peak; 2e-5 is BERT's and Alpaca's for models of 0.1 to 7 B; small ones take more."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""
    retention: Retention = Retention()
    """Settings against catastrophic forgetting; off by default."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The files of replayed text."""
        return self.retention.reads

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train a copy of all weights."""
        return finetune(
            base,
            data,
            self.retention.finetune_spec(seed=seed),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )
