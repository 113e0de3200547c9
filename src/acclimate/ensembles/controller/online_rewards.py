"""Rewards of actions that a controller tries anew while it learns."""

from dataclasses import dataclass

from acclimate.core.model import Completion
from acclimate.core.runtime.seeding import derive
from acclimate.core.types import Floats
from acclimate.ensembles.controller.interface import WeightedEnsemble
from acclimate.ensembles.controller.objectives import ControllerReward
from acclimate.ensembles.controller.offline_log import (
    AnswerLog,
    LoggedItem,
    is_chosen,
    item_sampling,
)


@dataclass
class OnlineRewards:
    """Has the ensemble answer a logged item anew under an action, and rewards the answer."""

    ensemble: WeightedEnsemble
    log: AnswerLog
    reward: ControllerReward
    seed: int
    num_asked: int = 0
    """So far; another draw each time."""

    def __call__(self, index: int, action: Floats) -> float:
        """The reward of an action (A,) at the item of that index."""
        logged, space = self.log.items[index], self.log.space
        weights, heat = space.weights(action[None]), space.heat(action[None])
        self.num_asked += 1
        if is_chosen(logged.task):
            answer = self._choice(logged, weights)
        else:
            sampling = item_sampling(logged.task, derive(self.seed, "asked", self.num_asked))
            (answer,) = self.ensemble.generate_weighted([logged.prompt], sampling, weights, heat)
        return self.reward.of(logged.task, logged.item, answer)

    def _choice(self, logged: LoggedItem, weights: Floats) -> Completion:
        pairs = [(logged.prompt, choice) for choice in logged.item.choices]
        weighed = self.ensemble.loglikelihood_weighted(pairs, weights.repeat(len(pairs), axis=0))
        best = max(range(len(pairs)), key=lambda i: weighed[i].per_byte)
        return Completion(pairs[best][1], passages=weighed[best].passages)
