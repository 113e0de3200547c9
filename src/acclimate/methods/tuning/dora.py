"""DoRA: weights decomposed into magnitude and a low-rank updated direction."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.training.low_rank_method import LowRankMethod
from acclimate.training.tuning_settings import TrainingSettings


class DoRA(LowRankMethod):
    """m (W + (alpha / rank) B A) / ‖W + (alpha / rank) B A‖ (Liu et al. 2024, equation 5).

    m is learned, a number for each output, and begins as ‖W‖; the norm below is taken as a
    constant in the gradient (the paper's section 4.3). An output whose weights are all zero has no
    direction, and stays zero.

    Half of LoRA's rank does better in the paper's table 1; its dropout is 0.05, and two of seven
    layers get no update.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2402.09353"

    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak; LoRA's, as the paper takes over its settings."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def put_on(self, network: Any, core: Any, data: TrainData) -> PeftAdapter:
        """Put m, A and B beside the layers, through PEFT."""
        return PeftAdapter.new(network, self.form.config(network, use_dora=True))
