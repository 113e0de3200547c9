"""Self-consistency: sample several answers and give the most frequent one."""

from typing import ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.ensembles.answer_level.vote_model import VoteModel


class SelfConsistency(Method):
    """The most consistent of many sampled answers (Wang et al. 2023, section 2).

    A sample counts one vote, as weights bring no gain in the paper's table 1; ties go to the answer
    whose samples are the likelier a token. After `chain_of_thought` the reasoning is sampled too,
    as in the paper. Choices are scored and not sampled: a single model's choice stays as it is.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2203.11171"

    num_samples: int = Field(default=8, ge=2)
    """Samples; the paper's figure 2 gains most up to 10, and its full runs take 40."""
    temperature: float = Field(default=0.7, gt=0)
    """Of the samples; the paper's section 3.1 has 0.5 or 0.7 by model."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Wrap the base; nothing is learned."""
        return VoteModel((base,), num_samples=self.num_samples, temperature=self.temperature)
