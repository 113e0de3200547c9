"""DoRA: weights decomposed into magnitude and a low-rank updated direction."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.low_rank import LowRank
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.training.adapter_method import AdapterMethod
from acclimate.training.tuning_settings import TrainingSettings


class DoRA(AdapterMethod):
    """m (W + (alpha / rank) B A) / ‖W + (alpha / rank) B A‖ (Liu et al. 2024, equation 5).

    m is learned, a number for each output, and begins as ‖W‖; the norm below is taken as a
    constant in the gradient (the paper's section 4.3). An output whose weights are all zero has no
    direction, and stays zero.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2402.09353"

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

    def put_on(self, network: Any, core: Any, data: TrainData) -> PeftAdapter:
        """Put m, A and B beside the layers, through PEFT."""
        form = LowRank(self.rank, self.alpha, self.dropout, self.target_modules)
        return PeftAdapter.new(network, form.config(network, use_dora=True))
