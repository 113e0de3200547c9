"""The range test leaves the network alone and suggests a rate well below the break."""

import math

import pytest
import torch

from acclimate.core.errors import BackendError
from acclimate.pretraining.lr_range_test import NUM_STEPS, find_learning_rate, read_curve
from acclimate.training.arguments import TrainingArguments
from acclimate.training.run_log import RunLog
from small_training import small_network, small_run

RAMP = TrainingArguments(num_steps=101, learning_rate=1.0, schedule="ramp")


def test_the_suggestion_is_a_tenth_of_the_rate_of_the_lowest_loss():
    # Falls to step 60, where the rate is 1e-5 ^ 0.4 = 0.01, and rises at once a hundredfold.
    losses = [100.0 - step for step in range(61)] + [1e5] * 40
    found = read_curve(RAMP, losses)
    assert found.suggested == pytest.approx(1e-3)
    assert found.learning_rates[60] == pytest.approx(0.01)
    assert len(found.learning_rates) == len(found.losses) == 101


def test_losses_are_an_exponential_mean():
    # (0.1 · 4 + 0.9 · 0.1 · 2) / (1 - 0.81), Kingma and Ba's correction for the beginning.
    assert read_curve(RAMP, [2.0, 4.0]).losses == pytest.approx((2.0, 0.58 / 0.19))


def test_what_comes_after_the_break_is_left_out():
    assert len(read_curve(RAMP, [2.0, 1.0, math.nan]).losses) == 2
    with pytest.raises(BackendError, match="first loss is no number"):
        read_curve(RAMP, [math.nan])


def test_a_sweep_leaves_no_trace(tmp_path):
    network = small_network()
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    limits = {"max_seconds": 1e-3, "patience": 1, "num_steps": 5, "schedule": "wsd"}
    run = small_run(run_log=RunLog(tmp_path / "new"), plan=limits)
    found = find_learning_rate(network, run)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    assert all(weight.requires_grad for weight in network.parameters())
    assert not (tmp_path / "new").exists()
    # Neither the clock nor the length of the real run has a say: the rate rises by equal factors.
    rates = found.learning_rates
    assert 60 < len(rates) <= NUM_STEPS
    assert rates[:3] == pytest.approx([1e-5, 1e-5 * 10 ** (5 / 119), 1e-5 * 10 ** (10 / 119)])
    assert 1e-4 < found.suggested < 0.1
    assert min(found.losses) < found.losses[0] - 0.2
