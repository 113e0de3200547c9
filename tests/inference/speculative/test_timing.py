"""Passes and guesses are timed against a pass over one token."""

import time

import pytest

from acclimate.inference.engine.draft_length import Draft
from acclimate.inference.speculative.prompt_lookup import PromptLookup
from acclimate.inference.speculative.timing import NUM_DRAFTED, PASS_TOKENS, measure_step_times


class Slow:
    """Takes its time for each guess."""

    flops_per_token = 0.0

    def row(self):
        return self

    def draft(self, _ids, num_tokens, _drawing):
        time.sleep(0.005 * num_tokens)
        return Draft([1] * num_tokens)


def test_passes_of_all_sizes_that_fit_are_timed(tiny, monkeypatch):
    pace = measure_step_times(tiny, PromptLookup(3, 1), [5, 6, 7] * 10)
    assert [size for size, _ in pace.passes] == list(PASS_TOKENS)
    assert pace.passes[0] == (1, 1.0)
    assert all(cost > 0 for _, cost in pace.passes)
    assert pace.draft < 0.5
    monkeypatch.setattr(type(tiny), "window", 9)
    small = measure_step_times(tiny, PromptLookup(3, 1), [5] * 8)
    assert [size for size, _ in small.passes] == [1, 2, 3, 4]


def test_guesses_are_timed_in_passes(tiny, monkeypatch):
    monkeypatch.setattr(
        "acclimate.inference.speculative.timing._pass_over", lambda *_: time.sleep(0.01)
    )
    pace = measure_step_times(tiny, Slow(), [5, 6, 7])
    assert NUM_DRAFTED > 1
    assert pace.draft == pytest.approx(0.5, rel=0.3)
