"""Members' answers to known items, and the reward of any weights on them.

Letters: M draws, K members, A of an action.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acclimate.core.domain import Item, Task
from acclimate.core.model import Completion, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.types import Floats
from acclimate.ensembles.answer_level.tally import Tally
from acclimate.ensembles.answer_level.weighted_vote import WeightedVoteModel
from acclimate.ensembles.controller.objectives import ControllerReward
from acclimate.ensembles.controller.policy import ActionSpace, Actor
from acclimate.evaluation.answers import metrics_of

DRAWS_PER_ITEM, MIN_DRAWS, MAX_DRAWS = 16, 2000, 50_000
HELD_OUT = 5


@dataclass(frozen=True, eq=False)
class LoggedItem:
    """An item with the members' answers and the reward of each."""

    task: Task
    item: Item
    tallies: Sequence[Tally]
    """Of the answers, at each temperature."""
    rewards: Sequence[Floats]
    """Of the candidates of each."""

    @property
    def prompt(self) -> Prompt:
        """The item's prompt."""
        return self.task.prompt(self.item)

    def reward(self, weights: Floats, step: int) -> float:
        """Reward of the winner by weights (K,), at a temperature by its index."""
        return float(self.rewards[step][self.tallies[step].winner(weights)])

    def alone(self, step: int) -> Floats:
        """Reward of each member's own answer, (K,); not a number where it was left out."""
        shares = self.tallies[step].shares
        return np.where(shares.any(1), self.rewards[step][shares.argmax(1)], np.nan)


@dataclass(frozen=True)
class Draws:
    """Actions that were tried: at which items, and with which rewards."""

    indices: NDArray[np.intp]
    """Of the items, (M,)."""
    actions: Floats
    """(M, A)."""
    rewards: Floats
    """(M,)."""


@dataclass(frozen=True, eq=False)
class AnswerLog:
    """All items that some member answers."""

    items: Sequence[LoggedItem]
    space: ActionSpace

    @property
    def prompts(self) -> list[Prompt]:
        """Of the items, in order."""
        return [logged.prompt for logged in self.items]

    def rewards(self, indices: Sequence[int], actions: Floats) -> Floats:
        """Rewards (M,) of actions (M, A), each at the item of that index."""
        weights, steps = self.space.weights(actions), self.space.steps(actions)
        rows = zip(indices, weights, steps.tolist(), strict=True)
        return np.array(
            [self.items[index].reward(member_weights, step) for index, member_weights, step in rows]
        )

    def alone(self) -> list[float | None]:
        """Mean reward of each member on the items it answers, at the first temperature."""
        rewards = np.array([item.alone(0) for item in self.items]).T  # (K, N)
        return [
            float(np.nanmean(member_rewards)) if np.isfinite(member_rewards).any() else None
            for member_rewards in rewards
        ]

    def best(self) -> float:
        """Mean reward of the best answer that any member gives to each item that one answers."""
        steps = range(len(self.space.temperatures))
        rewards = [np.concatenate([item.alone(step) for step in steps]) for item in self.items]
        bests = [
            np.nanmax(item_rewards) for item_rewards in rewards if np.isfinite(item_rewards).any()
        ]
        return float(np.mean(bests)) if bests else math.nan

    def parted(self) -> "tuple[AnswerLog, AnswerLog]":
        """Items to learn from, and one group in `HELD_OUT` to judge by; all for both if few."""
        groups = {item.item.cluster: None for item in self.items}
        out = set(list(groups)[HELD_OUT - 1 :: HELD_OUT])
        held = [item for item in self.items if item.item.cluster in out]
        seen = [item for item in self.items if item.item.cluster not in out]
        return (AnswerLog(seen, self.space), AnswerLog(held, self.space)) if held else (self, self)

    def mean_reward(self, states: NDArray[np.float32], actor: Actor) -> float:
        """Of an actor at the items' states (N, C)."""
        return float(self.rewards(range(len(self.items)), actor(states)).mean())

    def draws(self, seed: int, *, is_mixed: bool) -> Draws:
        """Actions drawn for the items, with their rewards.

        Every other action weighs one member alone, which evenly drawn weights of many members
        hardly ever do; the rest are even over the space.

        Args:
            seed: Of the draws.
            is_mixed: Whether members may be mixed; else every action weighs one alone.
        """
        rng, space = np.random.default_rng(seed), self.space
        num_draws = min(MAX_DRAWS, max(MIN_DRAWS, DRAWS_PER_ITEM * len(self.items)))
        actions = rng.uniform(-1, 1, (num_draws, space.size))
        alone = (np.arange(num_draws) % 2 == 0) | (not is_mixed)
        chosen = rng.integers(space.num_members, size=num_draws)
        ends = np.where(np.eye(space.num_members)[chosen] > 0, 1.0, -1.0)
        actions[alone, : space.num_members] = ends[alone]
        actions = space.stepped(actions)
        indices = rng.permutation(num_draws) % len(self.items)
        return Draws(indices, actions, self.rewards(indices.tolist(), actions))


def answer_log(
    vote: WeightedVoteModel,
    tasks: Sequence[Task],
    space: ActionSpace,
    reward: ControllerReward,
    seed: int,
) -> AnswerLog:
    """Ask the members each item once at every temperature, and reward all their answers."""
    logged = []
    for task in tasks:
        rows = _tallies(vote, task, space.temperatures, seed)
        for item, row in zip(task.items, rows, strict=True):
            tallies = [tally for tally in row if isinstance(tally, Tally)]
            if len(tallies) == len(row):
                values = [_judged(task, item, tally.candidates, reward) for tally in tallies]
                logged.append(LoggedItem(task, item, tallies, values))
    return AnswerLog(logged, space)


def _tallies(
    vote: WeightedVoteModel, task: Task, temperatures: Sequence[float], seed: int
) -> list[tuple[object, ...]]:
    """Of each item at each temperature; choices and recorded answers are the same at all."""
    prompts = [task.prompt(item) for item in task.items]
    if is_chosen(task):
        tallies = vote.choice_tallies([(p, p.choices) for p in prompts])
        return [(tally,) * len(temperatures) for tally in tallies]
    is_recorded = all(member.answerable_items is not None for member in vote.members)
    distinct = temperatures[:1] if is_recorded else temperatures
    columns = [
        vote.tallies(prompts, item_sampling(task, seed), np.full(len(prompts), heat))
        for heat in distinct
    ]
    rows = list(zip(*columns, strict=True))
    return [row * (len(temperatures) // len(distinct)) for row in rows]


def is_chosen(task: Task) -> bool:
    """Whether a study has a model choose between the task's choices."""
    return any(metric.reads == "choices" for metric in metrics_of(task).values())


def item_sampling(task: Task, seed: int) -> Sampling:
    """How the task is answered, but for the temperature."""
    return Sampling(max_new_tokens=task.max_new_tokens, stop=task.stop, seed=seed)


def _judged(
    task: Task, item: Item, answers: Sequence[Completion], reward: ControllerReward
) -> Floats:
    return np.array([reward.of(task, item, answer) for answer in answers], dtype=np.float64)
