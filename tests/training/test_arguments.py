"""A plan's own arithmetic, and what it refuses."""

import pytest
from pydantic import ValidationError

from acclimate.training.arguments import TrainingArguments


@pytest.mark.parametrize(
    ("fields", "look", "save"),
    [
        ({"num_steps": 1000}, 50, 50),
        ({"num_steps": 7}, 1, 1),
        ({"num_steps": 1000, "eval_every_steps": 30}, 30, 30),
        ({"num_steps": 1000, "eval_every_steps": 30, "save_every_steps": 7}, 30, 7),
    ],
)
def test_looks_and_checkpoints(fields, look, save):
    plan = TrainingArguments(**fields)
    assert (plan.eval_every, plan.save_every) == (look, save)


@pytest.mark.parametrize(
    "fields",
    [
        {"num_steps": 0},
        {"learning_rate": 0},
        {"warmup_share": 1},
        {"label_smoothing": 1},
        {"precision": "fp8"},
        {"optimizer": "sgd"},
        {"schedule": "steps"},
        {"max_spike": 1},
        {"max_grad_norm": 0},
        {"patience": -1},
        {"num_step": 5},
    ],
)
def test_what_cannot_be_is_refused(fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        TrainingArguments(**fields)
