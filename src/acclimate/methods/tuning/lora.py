"""LoRA: low-rank updates of frozen weights."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.low_rank import LowRank
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.training.adapter_method import AdapterMethod
from acclimate.training.tuning_settings import TrainingSettings


class LoRA(AdapterMethod):
    """W + (alpha / rank) B A with B = 0 at the start (Hu et al. 2022, equation 3)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2106.09685"

    rank: int = Field(default=8, ge=1)
    """Of A and B; the paper's table 6 finds 4 to 8 enough on many tasks."""
    alpha: float = Field(default=16.0, gt=0)
    """Scale of the update; twice the rank is common practice."""
    is_rank_stabilized: bool = False
    """Scale by alpha / sqrt(rank): high ranks learn as fast as low ones (Kalajdzievski 2023)."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the input of A while training; the paper's is 0.1 for small data."""
    target_modules: str | tuple[str, ...] = "all-linear"
    """Names of the layers that get an update; all of them does best (Dettmers et al. 2023)."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak; ten times full tuning's (Schulman et al. 2025)."""
    b_rate_ratio: float = Field(default=1.0, gt=0)
    """Learning rate of B over A's; 1 is the paper's, LoRA+ takes 16 (Hayou et al. 2024)."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def put_on(self, network: Any, core: Any, data: TrainData) -> PeftAdapter:
        """Put A and B beside the layers, through PEFT."""
        form = LowRank(self.rank, self.alpha, self.dropout, self.target_modules)
        return PeftAdapter.new(network, form.config(network, use_rslora=self.is_rank_stabilized))

    def rate_share(self, name: str) -> float:
        """Factor of the learning rate of a parameter; `b_rate_ratio` for B."""
        return self.b_rate_ratio if "lora_B" in name else 1.0
