"""QLoRA: low-rank updates on a base quantized to four bits."""

from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.runtime.fit_log import log_value
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.nn.quantization.nf4 import Nf4Adapter, num_weight_bytes, quantize
from acclimate.training.low_rank_method import LowRankMethod
from acclimate.training.tuning_settings import TrainingSettings


class QLoRA(LowRankMethod):
    """doubleDequant(c1, c2, W in NF4) + (alpha / rank) B A (Dettmers et al. 2023, equation 5).

    Codes are 4-bit NormalFloat, a scale a block of 64, and the scales 8-bit, a scale a block of
    256. Products are in float32 on a CPU, in bfloat16 on a GPU.

    The paper needs updates of all layers to match full tuning, where ranks from 8 to 256 do alike;
    its alpha is 16, its dropout 0.1 up to 13 B and 0.05 above.

    Differs: no paged optimiser; the updates' own states are small.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2305.14314"

    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak; the paper's up to 13 B."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def put_on(self, network: Any, core: Any, data: TrainData) -> Nf4Adapter:
        """Quantize the weights of the layers, and put A and B beside them."""
        config = self.form.config(network)
        before = num_weight_bytes(network)
        after = num_weight_bytes(quantize(network))
        log_value("weights of the base, MB", before / 1e6)
        log_value("weights of the base in four bits, MB", after / 1e6)
        log_value("share of the base's memory saved", 1 - after / before)
        return Nf4Adapter(PeftAdapter.new(network, config))
