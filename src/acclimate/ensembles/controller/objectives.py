"""The controller's reward: objectives that the user names, as a weighted sum."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from acclimate.core.catalogue import METRICS, module_of_file
from acclimate.core.choice_probabilities import weighed_as
from acclimate.core.domain import Item, Preference, Task
from acclimate.core.errors import ConfigError, NotApplicableError, UnknownNameError
from acclimate.core.metric import Metric
from acclimate.core.model import Completion
from acclimate.data.normalization import normalised

ObjectiveFunction = Callable[[Task, Item, Completion], float]

TASK_SCORE = "score"
"""Each task's own main metric."""
RATING = "rating"
"""Users' preferences: 1 where they liked the answer, 0 where not, `UNRATED` where unknown."""
UNRATED = 0.5
_OTHER_CHOICE = 1e-9
"""Probability of a choice that is not the one taken, so that its logarithm is a number."""


@dataclass(frozen=True)
class ControllerReward:
    """A weighted sum of objectives."""

    parts: Sequence[tuple[float, ObjectiveFunction]]

    def of(self, task: Task, item: Item, answer: Completion) -> float:
        """The reward of an answer; a choice counts as one."""
        return sum(weight * judge(task, item, answer) for weight, judge in self.parts)


def checked_objectives(objectives: Mapping[str, float]) -> None:
    """Refuse objectives that are none, unknown, or all without weight.

    Raises:
        ConfigError, UnknownNameError: They are so.
    """
    known = [TASK_SCORE, RATING, *METRICS.entries]
    if not any(objectives.values()):
        raise ConfigError(
            "there is no reward to learn by; weigh objectives, as {score: 1, brevity: 0.2}: "
            f"{', '.join(known)}, or the path of a .py file with a function reward(item, answer)"
        )
    for name in objectives:
        if name.endswith(".py"):
            _user_objective(name)
        elif name not in known:
            raise UnknownNameError("objective", name, known)


def reward_of(
    objectives: Mapping[str, float], preferences: Sequence[Preference]
) -> ControllerReward:
    """The reward by objectives that have been checked.

    Raises:
        NotApplicableError: Users' ratings are asked for, and there are none.
    """
    return ControllerReward(
        [(weight, _judge(name, preferences)) for name, weight in objectives.items()]
    )


def _judge(name: str, preferences: Sequence[Preference]) -> ObjectiveFunction:
    if name == TASK_SCORE:
        return lambda task, item, answer: _measured(task.metrics[0], item, answer)
    if name == RATING:
        return _rated(preferences)
    if name.endswith(".py"):
        return _user_objective(name)
    return lambda _task, item, answer: _measured(name, item, answer)


@cache
def _metric(name: str) -> Metric:
    return METRICS.build(name)


def _measured(name: str, item: Item, answer: Completion) -> float:
    metric = _metric(name)
    if metric.reads == "completion":
        return metric.of_completion(item, answer)
    if metric.reads == "passages":
        return metric.of_passages(item, [passage.document for passage in answer.passages])
    if not item.choices:
        raise NotApplicableError(
            f"objective {name} judges choices, and item {item.id} has none; "
            f"{TASK_SCORE} judges each "
            "item by its task's own metric"
        )
    others = (len(item.choices) - 1) * _OTHER_CHOICE
    shares = [1 - others if text == answer.text else _OTHER_CHOICE for text in item.choices]
    return metric.of_choices(item, weighed_as(shares, item.choices))


def _rated(preferences: Sequence[Preference]) -> ObjectiveFunction:
    if not preferences:
        raise NotApplicableError(f"objective {RATING} needs preferences, and there are none")
    known = {}
    for liked in preferences:
        known[normalised(liked.prompt), normalised(liked.rejected)] = 0.0
    for liked in preferences:
        known[normalised(liked.prompt), normalised(liked.chosen)] = 1.0

    def rating(_task: Task, item: Item, answer: Completion) -> float:
        return known.get((normalised(item.question), normalised(answer.text)), UNRATED)

    return rating


def _user_objective(name: str) -> ObjectiveFunction:
    """The objective that a user's own file defines."""
    reward: Any = getattr(module_of_file(Path(name), "reward"), "reward", None)
    if not callable(reward):
        raise ConfigError(f"{name}: has no function reward(item, answer)")

    def objective(_task: Task, item: Item, answer: Completion) -> float:
        try:
            value = float(reward(item, answer.text))
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            raise ConfigError(f"{name}: reward failed at item {item.id} ({cause})") from error
        if not math.isfinite(value):
            raise ConfigError(f"{name}: reward of item {item.id} is {value}, must be finite")
        return value

    return objective
