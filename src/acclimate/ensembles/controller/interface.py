"""What answers by weights and temperatures of each prompt's own.

Letters: N prompts, K members.
"""

from collections.abc import Sequence
from typing import Protocol

from acclimate.core.model import Completion, LogLikelihood, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.types import Floats


class WeightedEnsemble(Protocol):
    """An ensemble that is told anew at each prompt how to combine its members."""

    def generate_weighted(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        weights: Floats,
        temperatures: Floats,
    ) -> list[Completion]:
        """Answer each prompt by weights (N, K) at its temperature (N,), in order."""

    def loglikelihood_weighted(self, pairs: Sequence[Pair], weights: Floats) -> list[LogLikelihood]:
        """Weigh each of N continuations by weights (N, K), in order."""
