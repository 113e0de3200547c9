"""As many guesses as pay; rows whose guesses are wrong stop guessing."""

from dataclasses import replace

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.inference.engine.draft_length import PRIOR_TOKENS, Draft, Speculation
from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.sampling.speculative_acceptance import StepTimes

DRAWING = SamplingState(Sampling(), 0, [])
PACE = StepTimes(0.3, ((1, 1.0), (64, 1.0)))


class Counting:
    """Guesses as many tokens as it is asked for."""

    flops_per_token = 10.0

    def row(self):
        return self

    def draft(self, ids, num_tokens, _drawing):
        return Draft(list(range(num_tokens)))


def num_guessed(row, room=99, num_rows=1):
    return len(row.draft([1], room, DRAWING, num_rows).tokens)


def test_a_row_begins_with_what_pays_most_by_what_was_measured():
    how = Speculation(Counting(), tuple(range(1, 9)), 0.8, PACE)
    gains = {n: sum(0.8**i for i in range(n + 1)) / (0.3 * n + 1) for n in range(9)}
    best = max(gains, key=gains.get)
    assert num_guessed(how.row()) == best == how.best(1) > 0
    assert num_guessed(how.row(), room=1) == 1
    assert num_guessed(how.row(), room=0) == 0
    assert how.gain(best) == pytest.approx(gains[best])


def test_wrong_guesses_turn_it_off_and_right_ones_make_it_bold():
    how = Speculation(Counting(), tuple(range(1, 9)), 0.8, PACE)
    wrong, right = how.row(), how.row()
    for _ in range(30):
        wrong.learn(2, 1, 0)
        right.learn(2, 2, 2)
    assert wrong.acceptance == pytest.approx(PRIOR_TOKENS * 0.8 / (PRIOR_TOKENS + 30))
    assert num_guessed(wrong) == 0
    # By and by it forgets, and tries again.
    passes = next(n for n in range(999) if num_guessed(wrong))
    assert passes > 10
    assert num_guessed(right) > num_guessed(how.row())
    # A row that begins anew does not know of that.
    assert num_guessed(how.row()) == how.best(1)


def test_a_run_of_right_guesses_is_a_reason_for_more_until_one_is_wrong():
    how = Speculation(Counting(), tuple(range(1, 33)), 0.3, StepTimes(0.0, ((1, 1.0), (33, 4.2))))
    row = how.row()
    usual = num_guessed(row)
    for _ in range(3):
        row.learn(6, 6, 6)
    row.learn(0, 0, 0)
    assert row.acceptance == pytest.approx(18.5 / 19)
    assert num_guessed(row) > usual
    row.learn(6, 4, 3)
    counted = PRIOR_TOKENS + 22
    assert row.acceptance == pytest.approx((PRIOR_TOKENS * 0.3 + 21) / counted, rel=0.01)


def test_nothing_is_guessed_behind_the_end_of_an_answer_but_where_chance_guesses():
    how = Speculation(Counting(), (6,), 1.0, PACE, ends=frozenset({4}))
    assert how.row().draft([1], 99, DRAWING, 1).tokens == [0, 1, 2, 3]

    class Drawn(Counting):
        def draft(self, ids, num_tokens, _drawing):
            return Draft(list(range(num_tokens)), torch.ones(num_tokens, 9) / 9)

    drawn = replace(how, drafter=Drawn()).row().draft([1], 99, DRAWING, 1)
    assert len(drawn.tokens) == len(drawn.probs) == 6


def test_a_given_number_is_kept_to_or_left_out():
    how = Speculation(Counting(), (5,), 0.9, PACE)
    row = how.row()
    assert num_guessed(row) == 5
    for _ in range(60):
        row.learn(5, 1, 0)
    assert num_guessed(row) == 0


def test_all_rows_are_counted_together_and_each_alone():
    how = Speculation(Counting(), (4,), 0.9, PACE)
    first, second = how.row(), how.row()
    first.learn(4, 3, 2)
    second.learn(4, 4, 4)
    second.learn(0, 0, 0)
    assert (how.stats.num_passes, how.stats.num_rejected) == (2, 2)
    assert how.stats.acceptance == pytest.approx(6 / 7)
    assert first.flops == 40
    assert first.stats.num_rejected == 2
