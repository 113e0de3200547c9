"""LoRA: low-rank updates of frozen weights."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.training.low_rank_method import LowRankMethod
from acclimate.training.tuning_settings import TrainingSettings


class LoRA(LowRankMethod):
    """W + (alpha / rank) B A with B = 0 at the start (Hu et al. 2022, equation 3).

    Ranks of 4 to 8 are enough on many tasks (the paper's table 6); for small data its dropout is
    0.1.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2106.09685"

    is_rank_stabilized: bool = False
    """Scale by alpha / sqrt(rank): high ranks learn as fast as low ones (Kalajdzievski 2023)."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak; ten times full tuning's (Schulman et al. 2025)."""
    b_rate_ratio: float = Field(default=1.0, gt=0)
    """Learning rate of B over A's; 1 is the paper's, LoRA+ takes 16 (Hayou et al. 2024)."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def put_on(self, network: Any, core: Any, data: TrainData) -> PeftAdapter:
        """Put A and B beside the layers, through PEFT."""
        config = self.form.config(network, use_rslora=self.is_rank_stabilized)
        return PeftAdapter.new(network, config)

    def rate_share(self, name: str) -> float:
        """Factor of the learning rate of a parameter; `b_rate_ratio` for B."""
        return self.b_rate_ratio if "lora_B" in name else 1.0
