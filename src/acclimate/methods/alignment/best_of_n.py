"""Draw several answers and give the one that a learned reward likes best."""

import math
from typing import ClassVar

from pydantic import Field

from acclimate.alignment.best_of_n_model import BestOf
from acclimate.alignment.reward_model import RewardSettings, reward_model
from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import log_value


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
        log_value("most that best-of-n moves from the base, nats", math.log(n) - (n - 1) / n)
        return BestOf(base, judge, n, self.temperature)
