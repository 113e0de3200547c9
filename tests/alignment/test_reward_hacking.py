"""Signs are told where they are, and not where they are not."""

import pytest

from acclimate.alignment.reward_hacking import FinishedPPORun, log_signs
from acclimate.core.runtime.fit_log import collect_log


def facts(**told):
    known = {"scores": [1.0, 2.0, 2.0, 1.0], "lengths": [4, 4, 5, 5], "target_changes": [0.1, 0.2]}
    known |= {"first_score": 1.0, "first_length": 4.0, "best_known": 9.0}
    with collect_log() as book:
        log_signs(FinishedPPORun(**{**known, **told}))
    return book.facts


def test_none_where_there_are_none():
    found = facts()
    assert found["correlation of reward and length, last round"] == pytest.approx(0.0, abs=1e-9)
    assert found["length of an answer, last round over first"] == pytest.approx(1.125)
    assert found["change of a dev target's log-probability, nats"] == pytest.approx(0.15)
    assert found["signs of reward hacking"] == "none seen"
    constant = facts(scores=[1.0, 1.0], lengths=[4, 4])
    assert constant["correlation of reward and length, last round"] == 0.0
    assert "change of a dev target's log-probability, nats" not in facts(target_changes=[])


@pytest.mark.parametrize(
    ("told", "sign"),
    [
        ({"scores": [1.0, 2.0, 3.0], "lengths": [4, 5, 6]},
         "longer answers earn more, and answers grew"),
        ({"lengths": [8, 8, 8, 8]}, "answers are 2.0 times as long as at first"),
        ({"scores": [2.0, 1.0, 1.0, 1.0], "best_known": 1.5},
         "25% of answers earn more than any that people chose"),
        ({"target_changes": [-1.0, -1.2, -0.8]},
         "the reward rose while right answers to dev items got rarer"),
    ],
)  # fmt: skip
def test_each_sign(told, sign):
    assert facts(**told)["signs of reward hacking"] == f"{sign}: read some answers"


def test_right_answers_that_vary_by_chance_are_no_sign():
    assert facts(target_changes=[-1.0, 1.0, -0.5])["signs of reward hacking"] == "none seen"
    falling = {"target_changes": [-1.0, -1.2, -0.8], "first_score": 5.0}
    assert facts(**falling)["signs of reward hacking"] == "none seen"
