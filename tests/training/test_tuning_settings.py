"""Settings in epochs are a plan in steps."""

import pytest

from acclimate.training.tuning_settings import TrainingSettings


@pytest.mark.parametrize(
    ("fields", "num_examples", "num_steps", "look"),
    [
        # 100 examples, 16 a step: 7 steps an epoch.
        ({"num_epochs": 3, "batch_size": 16}, 100, 21, 7),
        ({"num_epochs": 0.5, "batch_size": 16}, 100, 4, 7),
        ({"num_epochs": 0.01, "batch_size": 16}, 3, 1, 1),
        ({"num_epochs": 2, "batch_size": 10, "evals_per_epoch": 4}, 100, 20, 3),
    ],
)
def test_steps_and_looks(fields, num_examples, num_steps, look):
    plan = TrainingSettings(**fields).arguments(num_examples, 1e-3)
    assert (plan.num_steps, plan.eval_every) == (num_steps, look)


def test_all_else_is_carried_over():
    told = {"warmup_share": 0.25, "weight_decay": 0.5, "max_grad_norm": 2, "patience": 5}
    plan = TrainingSettings(**told, max_seconds=9).arguments(10, 0.125)
    assert plan.model_dump(include={*told, "max_seconds", "learning_rate"}) == {
        **told, "max_seconds": 9, "learning_rate": 0.125
    }  # fmt: skip
    assert plan.schedule == "cosine"
