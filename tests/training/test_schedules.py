"""Learning rates against values by hand."""

import itertools
import math

import pytest

from acclimate.training.arguments import TrainingArguments
from acclimate.training.optim import schedule_factor


def factors(steps, **fields):
    plan = TrainingArguments(
        **{"num_steps": 100, "warmup_share": 0.1, "final_share": 0.1, **fields}
    )
    return [schedule_factor(plan, step) for step in steps]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant", "wsd"])
def test_warm_up_is_a_line_to_the_peak(schedule):
    found = factors([0, 4, 9, 10], schedule=schedule)
    assert found == pytest.approx([0.1, 0.5, 1.0, 1.0])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # 90 steps after warm-up: a third, a half and all of them are over at 40, 55 and 100.
        ("cosine", [0.1 + 0.9 * 0.75, 0.55, 0.1, 0.1]),
        ("linear", [0.7, 0.55, 0.1, 0.1]),
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("wsd", [1.0, 1.0, 0.1, 0.1]),
    ],
)
def test_then_down_to_the_final_share(schedule, expected):
    assert factors([40, 55, 100, 500], schedule=schedule) == pytest.approx(expected)


def test_stable_until_the_last_fifth_then_a_line():
    # The last fifth of 90 steps is 18: at 82 the fall begins, at 91 half of it is over.
    found = factors([81, 82, 91, 100], schedule="wsd", decay_share=0.2)
    assert found == pytest.approx([1.0, 1.0, 0.55, 0.1])


def test_without_warm_up_the_first_step_is_at_the_peak():
    assert factors([0], num_steps=10, warmup_share=0) == [1.0]


def test_no_step_of_a_run_is_wasted():
    for schedule in ("cosine", "linear", "wsd"):
        assert min(factors(range(100), schedule=schedule, final_share=0)) > 0


def test_a_ramp_rises_five_decades_by_equal_factors():
    found = factors(range(101), num_steps=101, schedule="ramp")
    assert (found[0], found[-1]) == pytest.approx((1e-5, 1.0))
    ratios = [after / before for before, after in itertools.pairwise(found)]
    assert ratios == pytest.approx([math.pow(10, 0.05)] * 100)
