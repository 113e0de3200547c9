"""choice_logprob against hand values and scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from acclimate.core.domain import Item
from acclimate.core.model import LogLikelihood
from acclimate.metrics.likelihood.choice_accuracy import ChoiceAccuracy
from acclimate.metrics.likelihood.choice_logprob import ChoiceLogprob

ITEM = Item(id="i", question="?", target="b", choices=("a", "b", "c"))


def test_equal_choices_get_a_third_each():
    assert ChoiceLogprob().of_choices(ITEM, [LogLikelihood(-4, 1, 2)] * 3) == pytest.approx(1 / 3)


def test_hand_value():
    # Mean bytes 4; logits 4*-2/2=-4, 4*-3/4=-3, 4*-9/6=-6.
    weighed = [LogLikelihood(-2, 1, 2), LogLikelihood(-3, 1, 4), LogLikelihood(-9, 1, 6)]
    assert ChoiceLogprob().of_choices(ITEM, weighed) == pytest.approx(softmax([-4, -3, -6])[1])


@given(st.lists(st.tuples(st.floats(-500, -0.1), st.integers(1, 80)), min_size=3, max_size=3))
def test_is_a_probability_that_agrees_with_accuracy(pairs):
    weighed = [LogLikelihood(logprob, 1, num_bytes) for logprob, num_bytes in pairs]
    probability = ChoiceLogprob().of_choices(ITEM, weighed)
    assert 0 <= probability <= 1
    if probability > 0.5:
        assert ChoiceAccuracy().of_choices(ITEM, weighed) == 1.0
