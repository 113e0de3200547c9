"""The guard: only what the base answers well, and in its own words."""

from dataclasses import dataclass

import pytest

from acclimate.core.domain import Item, Task
from acclimate.core.model import Completion, LogLikelihood, Model
from acclimate.training.retention.guard_examples import fulfilled

SAY = Task(
    name="say",
    metrics=("exact_match",),
    items=tuple(Item(id=f"s{i}", question=f"{i}", target=f"is {i}") for i in range(6)),
)
PICK = Task(
    name="pick",
    metrics=("choice_accuracy",),
    items=tuple(Item(id=f"p{i}", question=f"{i}", target="a", choices=("a", "b")) for i in (0, 1)),
)


@dataclass
class Half(Model):
    """Right on even questions, in capitals; picks a for 0 and b for 1."""

    asked: int = 0

    def generate(self, prompts, sampling):
        self.asked += len(prompts)
        return [Completion(f"IS {p.question}" if int(p.question) % 2 == 0 else "") for p in prompts]

    def loglikelihood(self, pairs):
        return [LogLikelihood(-float(p.question != str("ab".index(c))), 1, 1) for p, c in pairs]


def test_what_is_right_is_kept_as_it_was_said():
    (say, pick) = fulfilled(Half(), [SAY, PICK], 99, seed=0)
    assert [(i.id, i.target) for i in say.items] == [(f"s{i}", f"IS {i}") for i in (0, 2, 4)]
    assert [(i.id, i.target) for i in pick.items] == [("p0", "a")]


@pytest.mark.parametrize("count", [1, 3])
def test_no_more_are_asked_than_wanted(count):
    base = Half()
    fulfilled(base, [SAY], count, seed=0)
    assert base.asked == count


def test_nothing_of_nothing():
    assert fulfilled(Half(), [], 5, seed=0) == ()
