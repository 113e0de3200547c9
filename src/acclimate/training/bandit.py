"""A Gymnasium environment whose episodes have one step.

Letters: N items, C of a state, A of an action.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from acclimate.core.speaker import Floats

States = NDArray[np.float32]


class Bandit(gymnasium.Env):
    """Episodes of one step: an item's state, an action, its reward."""

    def __init__(
        self, states: States, num_actions: int, reward: Callable[[int, Floats], float]
    ) -> None:
        """Take states (N, C), A, and the reward of an action (A,) at an item by its place."""
        self.states, self.reward, self.place = states, reward, 0
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, states.shape[1:])
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (num_actions,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Draw an item."""
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(len(self.states)))
        return self.states[self.place], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Reward the action; the episode is over."""
        found = self.reward(self.place, np.asarray(action, dtype=np.float64))
        return self.states[self.place], found, True, False, {}
