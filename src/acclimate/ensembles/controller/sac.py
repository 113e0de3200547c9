"""Soft actor-critic on episodes of one step: a prompt, an action, a reward.

Letters: N items, C of a state, A of an action.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger

from acclimate.core.runtime.cost import Cost, spend
from acclimate.core.runtime.fit_log import log_point
from acclimate.core.runtime.progress import progress
from acclimate.core.types import Floats
from acclimate.ensembles.controller.offline_log import Draws
from acclimate.ensembles.controller.policy import Actor
from acclimate.nn.threads import use_threads_for

States = NDArray[np.float32]

HIDDEN = (64, 64)
"""Of actor and critics; the paper takes 256 for states and actions of bodies."""
BATCH_SIZE = 128
FIRST_TEMPERATURE = 0.1
"""Of the entropy, in spreads of the reward a nat, from where it is learned (Haarnoja et al. 2018b):
begun at 1, most steps of a short run go by before rewards matter."""
NUM_POINTS = 10
"""Of each curve."""


class Bandit(gymnasium.Env):
    """Episodes of one step: an item's state, an action, its reward."""

    def __init__(
        self, states: States, num_actions: int, reward: Callable[[int, Floats], float]
    ) -> None:
        """Take states (N, C), A, and the reward of an action (A,) at an item by its index."""
        self.states, self.reward, self.index = states, reward, 0
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, states.shape[1:])
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (num_actions,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Draw an item."""
        super().reset(seed=seed)
        self.index = int(self.np_random.integers(len(self.states)))
        return self.states[self.index], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Reward the action; the episode is over."""
        reward = self.reward(self.index, np.asarray(action, dtype=np.float64))
        return self.states[self.index], reward, True, False, {}


@dataclass(frozen=True)
class SACSettings:
    """How long a controller learns."""

    num_updates: int
    """Steps on what was logged."""
    num_asked: int
    """Steps after that, each with an episode of its own, in which members are asked anew."""
    learning_rate: float
    """Adam's, of actor, critics and entropy temperature."""

    @property
    def num_steps(self) -> int:
        """Of both kinds."""
        return self.num_updates + self.num_asked


class SoftActorCritic:
    """Learns which actions are rewarded at which states.

    As an episode has one step, the soft target of a critic is the reward itself, and the actor
    that is sought is `pi(a|s) = exp(Q(s,a)/alpha) / Z(s)` (Haarnoja et al. 2018a, equation 4), with
    `alpha` such that its entropy is minus A nats (2018b, equation 18). Rewards are in units of
    their spread over what was logged.
    """

    def __init__(
        self,
        states: States,
        draws: Draws,
        reward: Callable[[int, Floats], float],
        settings: SACSettings,
        seed: int,
        entropy_coef: str | float = f"auto_{FIRST_TEMPERATURE}",
    ) -> None:
        """Fill the replay with what was logged.

        Args:
            states: Of the items, (N, C).
            draws: What was logged.
            reward: The reward of an action (A,) at an item by its index; called `num_asked` times.
            settings: How long it learns.
            seed: Of networks, batches and episodes.
            entropy_coef: Alpha; `auto_` and a number: begun there and learned.
        """
        self.states, self.reward, self.settings = states, reward, settings
        self.mean, self.spread = float(draws.rewards.mean()), float(draws.rewards.std()) or 1.0
        self.online_rewards: list[float] = []
        self.best: tuple[float, Actor] | None = None
        self.agent = SAC(
            "MlpPolicy",
            Bandit(states, draws.actions.shape[1], self._scaled_reward),
            policy_kwargs={"net_arch": list(HIDDEN)},
            learning_rate=settings.learning_rate,
            batch_size=BATCH_SIZE,
            buffer_size=len(draws.rewards) + settings.num_asked,
            learning_starts=0,
            ent_coef=entropy_coef,
            seed=seed,
            device="cpu",
        )
        self.agent.set_logger(Logger(None, []))
        self._fill(draws)

    def _fill(self, draws: Draws) -> None:
        rewards = (draws.rewards - self.mean) / self.spread
        for index, action, reward in zip(draws.indices, draws.actions, rewards, strict=True):
            row = self.states[index][None]
            self.agent.replay_buffer.add(
                row, row, action[None], np.array([reward]), np.array([True]), [{}]
            )

    def _scaled_reward(self, index: int, action: Floats) -> float:
        self.online_rewards.append(self.reward(index, action))
        return (self.online_rewards[-1] - self.mean) / self.spread

    def learn(self, evaluate: Callable[[Actor], float] | None = None) -> Actor:
        """Take all steps, log curves, and keep the actor that was evaluated best.

        Args:
            evaluate: The mean reward of an actor on items held out, where that can be known without
                asking; without it the last actor is kept.
        """
        num_params = sum(weights.numel() for weights in self.agent.policy.parameters())
        use_threads_for(num_params)
        with progress("learning to combine", self.settings.num_steps) as advance:
            for start, end in _parts(0, self.settings.num_updates):
                self.agent.train(end - start, BATCH_SIZE)
                self._log_progress(end, evaluate)
                advance(end - start)
            for start, end in _parts(self.settings.num_updates, self.settings.num_steps):
                self.agent.learn(end - start, reset_num_timesteps=False)
                self._log_progress(end, evaluate)
                log_point(
                    "mean reward of what was asked anew",
                    end,
                    fmean(self.online_rewards[start - end :]),
                )
                advance(end - start)
        spend(Cost(flops=6.0 * num_params * BATCH_SIZE * self.settings.num_steps))
        return self.best[1] if self.best else self.actor

    @property
    def actor(self) -> Actor:
        """The mean action, in plain arrays."""
        network = self.agent.policy.actor
        linear = [m for m in network.latent_pi if isinstance(m, torch.nn.Linear)]
        return Actor(
            [
                (m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy())
                for m in [*linear, network.mu]
            ]
        )

    @property
    def entropy(self) -> float:
        """Of the actor over the box of actions, nats; mean over the items, one draw each."""
        with torch.no_grad():
            _, logprobs = self.agent.policy.actor.action_log_prob(torch.from_numpy(self.states))
        return -float(logprobs.mean())

    @property
    def alpha(self) -> float:
        """Temperature of the entropy, spreads of the reward a nat."""
        learned = self.agent.log_ent_coef
        return float(self.agent.ent_coef_tensor if learned is None else learned.detach().exp())

    def _log_progress(self, step: int, evaluate: Callable[[Actor], float] | None) -> None:
        log_point("entropy of the controller, nats", step, self.entropy)
        log_point("entropy temperature, spreads of the reward a nat", step, self.alpha)
        if evaluate is not None:
            mean_reward = evaluate(self.actor)
            log_point("mean reward on items held out", step, mean_reward)
            if self.best is None or mean_reward > self.best[0]:
                self.best = mean_reward, self.actor


def _parts(first: int, last: int) -> Sequence[tuple[int, int]]:
    """About `NUM_POINTS` stretches of steps."""
    ends = sorted({first + (last - first) * part // NUM_POINTS for part in range(NUM_POINTS + 1)})
    return list(pairwise(ends))
