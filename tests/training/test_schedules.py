"""Warm-up and cosine, against values by hand."""

import pytest

from acclimate.training.schedules import warmup_cosine


@pytest.mark.parametrize(
    ("step", "factor"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (55, 0.55), (100, 0.1), (500, 0.1)],
)
def test_rises_in_a_tenth_then_falls_to_a_tenth(step, factor):
    assert warmup_cosine(step, 100, 0.1) == pytest.approx(factor)


def test_without_warm_up_the_first_step_is_at_the_peak():
    assert warmup_cosine(0, 10, 0.0) == 1.0
