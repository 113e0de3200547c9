"""Zero-shot chain of thought: the model writes its reasoning, then the answer."""

from typing import ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.prompting.chain_of_thought import ANSWER_CUE, CUE, ChainOfThoughtModel


class ChainOfThought(Method):
    """Zero-shot chain of thought in two passes (Kojima et al. 2022, section 3)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2205.11916"

    cue: str = Field(default=CUE, min_length=1)
    """What the reasoning begins with; the best of the paper's table 4."""
    answer_cue: str = Field(default=ANSWER_CUE, min_length=1)
    """What the answer follows; the paper's section 3."""
    max_rationale_tokens: int = Field(default=64, ge=1)
    """The longest reasoning; half of the paper's 128, for latency."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Wrap the base; nothing is learned."""
        return ChainOfThoughtModel(base, self.cue, self.answer_cue, self.max_rationale_tokens)
