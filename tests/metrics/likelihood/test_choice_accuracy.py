"""choice_accuracy against hand values."""

from acclimate.core.domain import Item
from acclimate.core.model import LogLikelihood
from acclimate.metrics.likelihood.choice_accuracy import ChoiceAccuracy


def weigh(*pairs):
    return [LogLikelihood(logprob, 1, num_bytes) for logprob, num_bytes in pairs]


def item(target="b"):
    return Item(id="i", question="?", target=target, choices=("a", "b"))


def test_the_likeliest_a_byte_wins_not_the_likeliest():
    # -10/20 = -0.5 a byte beats -6/6 = -1 a byte, though -10 < -6.
    assert ChoiceAccuracy().of_choices(item("b"), weigh((-6, 6), (-10, 20))) == 1.0
    assert ChoiceAccuracy().of_choices(item("a"), weigh((-6, 6), (-10, 20))) == 0.0


def test_equal_choices_are_decided_by_order_so_that_a_constant_model_scores_chance():
    assert ChoiceAccuracy().of_choices(item("a"), weigh((-1, 4), (-1, 4))) == 1.0
    assert ChoiceAccuracy().of_choices(item("b"), weigh((-1, 4), (-1, 4))) == 0.0


def test_an_empty_choice_does_not_divide_by_zero():
    assert ChoiceAccuracy().of_choices(item("b"), weigh((-3, 0), (-1, 1))) == 1.0
