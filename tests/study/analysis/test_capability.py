"""What is left of what the base answered well, against hand values."""

import pytest

from acclimate.core.domain import Control, Domain, Item, Task
from acclimate.evaluation.scores import ControlScore
from acclimate.study.analysis.capability import capability_of
from acclimate.study.results_db import Row


def items(*ids: str) -> tuple[Item, ...]:
    return tuple(Item(id=i, question="?", target="a", choices=("a", "b")) for i in ids)


DOMAIN = Domain(
    name="d",
    test=(Task(name="t", metrics=("m", "n"), items=items("1", "2", "3")),),
    control=Control(task=Task(name="control", metrics=("m",), items=items("1", "2"))),
)


def row(test: tuple[float, ...], control: tuple[float, ...] | None = None, seed: int = 0) -> Row:
    scores = dict(zip("123", test, strict=True))
    told = None if control is None else ControlScore(scores=dict(zip("12", control, strict=True)))
    return Row(
        recipe="r", seed=seed, split="test", control=told,
        scores={"t": {"m": scores, "n": dict.fromkeys("123", 1.0)}},
    )  # fmt: skip


def kept(rows, base):
    return capability_of(rows, base, DOMAIN, 0.95)


def test_only_what_the_base_answered_well_counts():
    # Item 2 of the test and item 2 of the control were not: what they become is no matter.
    found = kept([row((1, 1, 0), (0.5, 1))], row((1, 0.4, 0.5), (1, 0)))
    assert (found.num_items, found.before, found.after) == (3, 2.5 / 3, 0.5)
    assert found.lost == pytest.approx(0.4)
    assert found.low <= found.after - found.before <= found.high


def test_seeds_are_averaged_first():
    found = kept([row((1, 0, 0)), row((0, 0, 1), seed=1)], row((1, 0, 1)))
    assert (found.num_items, found.before, found.after, found.lost) == (2, 1.0, 0.5, 0.5)


def test_answers_made_elsewhere_are_judged_by_the_test_items():
    assert kept([row((1, 0, 0))], row((1, 0, 0), (1, 1))).num_items == 1


def test_nothing_in_common_is_not_measured_and_nothing_good_is_nothing_to_lose():
    assert kept([row((1, 1, 1))], row((0, 0, 0), (1, 1))) is None
    nothing = kept([row((1, 1, 1))], row((0, 0, 0), (0, 0)))
    assert (nothing.num_items, nothing.lost) == (0, 0.0)


def test_the_base_itself_lost_nothing():
    base = row((1, 0, 1), (1, 0))
    assert kept([base], base).lost == 0.0
