"""Accuracy with its exact interval, and calibration, by hand."""

import math

import numpy as np
import pytest

from acclimate.alignment.reward_report import report_of, reward_calibration_error
from acclimate.core.runtime.fit_log import collect_log


def test_exact_interval_of_all_right():
    # Clopper and Pearson for n of n: from (alpha / 2) ** (1 / n) to 1.
    report = report_of([1.0] * 6)
    assert (report.num_right, report.num_pairs, report.high) == (6, 6, 1.0)
    assert report.low == pytest.approx(0.025 ** (1 / 6))
    assert report.is_proven
    assert not report_of([1.0] * 5).is_proven, "five of five may be a coin's luck: p = 1/16"


def test_equal_rewards_are_not_right():
    assert report_of([0.0] * 40).num_right == 0


def test_brier_is_the_mean_squared_error():
    margins = [0.0, math.log(3), -math.log(3)]
    assert report_of(margins).brier == pytest.approx((0.25 + 0.0625 + 0.5625) / 3)


def test_calibration_of_a_reward_that_knows_how_sure_it_is():
    # Of ten pairs of which it is 0.8 sure, eight are right: no error.
    assert reward_calibration_error(np.array([0.8] * 8 + [0.2] * 2)) == pytest.approx(0.0)
    # Of two bins, one with 4 pairs off by 0.1 and one with 6 off by 0.3.
    chosen = np.array([0.9] * 4 + [0.7] * 6)
    assert reward_calibration_error(chosen) == pytest.approx(0.4 * 0.1 + 0.6 * 0.3)


def test_it_is_told():
    with collect_log() as book:
        report_of([1.0] * 9 + [-1.0]).log()
    share = book.facts["reward: share of held-out pairs that it tells apart"]
    assert share.startswith("0.90 (9 of 10, 95 % interval 0.55 to 1.00)")
    with collect_log() as book:
        report_of([]).log()
    assert list(book.facts.values()) == ["no pairs were held out"]
