"""Protocol of ensembles that take weights and a temperature for each prompt.

Letters: N prompts, K members.
"""

from collections.abc import Sequence
from typing import Protocol

from acclimate.core.model import Completion, LogLikelihood, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.types import Floats


class WeightedEnsemble(Protocol):
    """An ensemble whose members are combined by weights given with each prompt."""

    def generate_weighted(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        weights: Floats,
        temperatures: Floats,
    ) -> list[Completion]:
        """Answer each prompt by weights (N, K) at its temperature (N,), in order."""

    def loglikelihood_weighted(self, pairs: Sequence[Pair], weights: Floats) -> list[LogLikelihood]:
        """Log-likelihood of each of N continuations by weights (N, K), in order."""
