"""Networks combined at every token, with weights given for each prompt.

Letters: N prompts, K members.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch

from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.types import Floats
from acclimate.ensembles.members import as_children
from acclimate.ensembles.token_level.joint_model import answer_jointly, weigh_jointly
from acclimate.ensembles.token_level.mixtures import Mixture

_COLDEST = 1e-3
"""In place of 0, by which nothing can be divided: the likeliest token alone is left."""


@dataclass(frozen=True, eq=False)
class JointByPrompt(Model):
    """The members' weighted mean distribution; by itself, all members weigh the same."""

    kind: ClassVar[str] = "joint_by_prompt"

    members: tuple[Model, ...]

    def generate_weighted(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        weights: Floats,
        temperatures: Floats,
    ) -> list[Completion]:
        """One answer each, drawn at its own temperature in place of `sampling`'s.

        Args:
            prompts: N of them.
            sampling: How a token is drawn, but for the temperature.
            weights: Of each member for each prompt, (N, K), not negative.
            temperatures: Of each prompt's joined distribution, (N,); 0 is greedy.
        """
        draw_sampling = sampling.model_copy(update={"temperature": 1.0})
        heat = torch.from_numpy(np.maximum(temperatures, _COLDEST)).float()
        shares = torch.from_numpy(weights).float()
        return answer_jointly(self.members, prompts, draw_sampling, Mixture(), shares, heat)

    def loglikelihood_weighted(self, pairs: Sequence[Pair], weights: Floats) -> list[LogLikelihood]:
        """Every token of each continuation by the weights of its prompt, (N, K)."""
        shares = torch.from_numpy(weights).float()
        return weigh_jointly(self.members, pairs, Mixture(), shares)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """By even weights."""
        heat = np.full(len(prompts), sampling.temperature)
        return self.generate_weighted(prompts, sampling, self._even(prompts), heat)

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """By even weights."""
        return self.loglikelihood_weighted(pairs, self._even(pairs))

    def _even(self, rows: Sequence[Any]) -> Floats:
        return np.ones((len(rows), len(self.members)))

    @property
    def children(self) -> Mapping[str, Model]:
        """The members."""
        return as_children(self.members)

    def write(self, folder: Path) -> dict[str, Any]:
        """Nothing: the members save themselves."""
        return {}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Around the members."""
        return cls(tuple(children.values()))
