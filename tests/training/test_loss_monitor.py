"""A spike is told from noise, and learning by heart from both losses moving as one."""

import math

import pytest

from acclimate.training.loss_monitor import WINDOW_STEPS, is_overfitting, loss_fault, stopped

USUAL = [2.0] * WINDOW_STEPS


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("losses", [[], USUAL])
def test_what_is_no_number_is_a_fault_at_any_step(losses, loss):
    assert loss_fault(losses, loss, 3.0) == f"the loss is {loss}"


def test_a_spike_is_held_against_the_median_of_the_last_fifty():
    assert loss_fault(USUAL, 6.0, 3.0) == ""
    assert loss_fault(USUAL, 6.1, 3.0) == "the loss is 6.10, 3.0 times the median before it"
    assert loss_fault(USUAL, 6.1, 4.0) == ""
    assert loss_fault([2.0] * 500 + [9.0] * WINDOW_STEPS, 20.0, 3.0) == ""  # old ones do not count
    assert loss_fault([2.0] * 40 + [50.0] * 10, 6.1, 3.0)  # nor do a few wild ones
    assert loss_fault([2.0] * 40 + [0.1] * 10, 6.0, 3.0) == ""


def test_a_loss_about_zero_has_no_spikes():
    assert loss_fault([-2.0] * WINDOW_STEPS, 1.0, 3.0) == ""
    assert loss_fault([0.0] * WINDOW_STEPS, 1.0, 3.0) == ""


def test_too_few_losses_are_held_against_nothing():
    assert loss_fault([2.0] * (WINDOW_STEPS - 1), 100.0, 3.0) == ""


@pytest.mark.parametrize(
    ("train", "dev", "expected"),
    [
        ([3, 2, 1], [1, 2, 3], True),
        ([9, 3, 2, 1], [9, 1, 2, 3], True),
        ([3, 2, 1], [3, 2, 1], False),
        ([1, 2, 3], [1, 2, 3], False),
        ([3, 2, 1], [1, 3, 2], False),
        ([3, 2, 2], [1, 2, 3], False),
        ([2, 1], [1, 2], False),
        ([], [], False),
    ],
)
def test_train_falls_while_dev_rises_twice_in_a_row(train, dev, expected):
    assert is_overfitting(train, dev) is expected


def test_the_sentence_names_the_batch():
    told = str(stopped("the loss is nan", 7, "rows at tokens 5", is_saved=True))
    assert told.startswith("training: the loss is nan at step 7 (rows at tokens 5); lower")
    assert told.endswith("; the last checkpoint is intact")
    assert "checkpoint" not in str(stopped("x", 0, "y", is_saved=False))
