"""Draw several answers and give the one that a learned reward likes best."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from acclimate.alignment.reward_model import RewardSettings, reward_model, rewards
from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import fact
from acclimate.core.runtime.seeding import derive


class BestOfN(Method):
    """The best of n draws by a reward from preferences (Stiennon et al. 2020; Nakano et al. 2021).

    Weights stay as they are: answers get better by being chosen, and n times as dear. The policy
    moves from the base by log n - (n - 1)/n nats at most (Beirami et al. 2024).
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2009.01325"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "preferences"})
    is_trained: ClassVar[bool] = True

    num_samples: int = Field(default=8, ge=2)
    """n; the gain grows with its logarithm (Gao et al. 2023)."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the draws; 1 is the base's own distribution, of which the bound on the move speaks."""
    reward: RewardSettings = RewardSettings()
    """How the reward is learned; `ppo` shares it where the settings are the same."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Learn the reward, or take it from the store."""
        judge = reward_model(unwrap(base).core, data, self.reward, seed=seed)
        n = self.num_samples
        fact("most that best-of-n moves from the base, nats", math.log(n) - (n - 1) / n)
        return BestOf(base, judge, n, self.temperature)


@dataclass(frozen=True, eq=False)
class BestOf(Model):
    """Answers with the best of several draws; weighs as the model inside does."""

    inner: Model
    judge: Model
    """The reward model."""
    num_samples: int
    temperature: float

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Each prompt's draws follow from it and the seed alone, not from those asked beside it."""
        return [self._best(prompt, sampling) for prompt in prompts]

    def _best(self, prompt: Prompt, sampling: Sampling) -> Completion:
        seed = derive(sampling.seed, prompt)
        drawing = sampling.model_copy(update={"temperature": self.temperature, "seed": seed})
        drawn = self.inner.generate([prompt] * self.num_samples, drawing)
        found = rewards(self.judge, [(prompt, answer.text) for answer in drawn])
        return drawn[max(range(len(drawn)), key=found.__getitem__)]

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """The inner model's."""
        return self.inner.loglikelihood(pairs)

    @property
    def offers(self) -> frozenset[str]:
        """Not the inner weights: tuned, they would no longer be those that the draws come from."""
        return self.inner.offers - {"weights"}

    @property
    def children(self) -> Mapping[str, Model]:
        """What draws, and what judges."""
        return {"inner": self.inner, "judge": self.judge}

    def write(self, folder: Path) -> dict[str, Any]:
        """Numbers alone: the models inside save themselves."""
        return {"num_samples": self.num_samples, "temperature": self.temperature}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        return cls(children["inner"], children["judge"], **fields)
