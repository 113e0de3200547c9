from dataclasses import dataclass

import pytest

from acclimate.core.domain import Item, Task
from acclimate.core.model import Completion, Model
from acclimate.evaluation.parity import lower_by_chance, parity


@dataclass(frozen=True, eq=False)
class Says(Model):
    """Answers the target to every prompt but the last so many, to which it says something else."""

    num_wrong: int = 0
    other: str = "no"

    def generate(self, prompts, sampling):
        right = len(prompts) - self.num_wrong
        return [Completion("yes" if i < right else self.other) for i in range(len(prompts))]

    def loglikelihood(self, pairs):
        raise AssertionError


def task(num=20, **fields):
    items = tuple(
        Item(id=f"{i}", question=f"{i}?", target="yes", choices=fields.pop("choices", ()))
        for i in range(num)
    )
    return Task(**{"name": "it", "metrics": ("exact_match",), "items": items, **fields})


def test_alike():
    found = parity(Says(), Says(), [task()])
    assert (found.num_items, found.equal, found.difference) == (20, 1.0, 0.0)
    assert not found.is_worse


def test_worse_is_told_from_chance():
    few, many = (parity(Says(), Says(n), [task()]) for n in (4, 5))
    # n of n changes for the worse: 1 / 2^n, if worse and better were as likely.
    assert few.p_value == pytest.approx(1 / 16)
    assert many.p_value == pytest.approx(1 / 32)
    assert (many.equal, many.difference) == (0.75, -0.25)
    assert (few.is_worse, many.is_worse) == (False, True)
    assert not parity(Says(5), Says(), [task()]).is_worse


def test_items_of_a_group_are_one_change():
    own = task()
    items = tuple(item.model_copy(update={"group": "one"}) for item in own.items)
    grouped = own.model_copy(update={"items": items})
    assert not parity(Says(), Says(20), [grouped]).is_worse


def test_signs_of_sizes():
    """Of the 8 sums of 1, 2 and 4 with either sign, those at most -1-2+4 = 1 are 5."""
    assert lower_by_chance([-1, -2, 4, 0]) == pytest.approx(5 / 8)
    assert lower_by_chance([]) == lower_by_chance([-1.0]) == 1.0


def test_no_items():
    assert parity(Says(), Says(), []).num_items == 0
