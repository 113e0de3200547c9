"""Best-of-n: sample several answers and give the one of highest learned reward."""

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
    """The best of n samples by a learned reward (Stiennon et al. 2020; Nakano et al. 2021).

    No weights change: answers get better by selection, and cost n times as much. The KL of the
    policy to the base is log n - (n - 1)/n nats at most (Beirami et al. 2024).
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2009.01325"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "preferences"})
    is_trained: ClassVar[bool] = True

    num_samples: int = Field(default=8, ge=2)
    """n; the gain grows with its logarithm (Gao et al. 2023)."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the samples; 1 is the base's own distribution, for which the bound on the KL holds."""
    reward: RewardSettings = RewardSettings()
    """How the reward is learned; `ppo` shares the reward where the settings are equal."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Fit the reward model, or load it from the store."""
        judge = reward_model(unwrap(base).core, data, self.reward, seed=seed)
        n = self.num_samples
        log_value("most that best-of-n moves from the base, nats", math.log(n) - (n - 1) / n)
        return BestOf(base, judge, n, self.temperature)
