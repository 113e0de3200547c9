"""A member that fails at an item is left out of that item alone, at little cost."""

import math

import pytest

from acclimate.core.errors import BackendError, DataError
from acclimate.core.model import Completion, LogLikelihood, Model
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import collect_log, log_value
from acclimate.ensembles.member_calls import (
    call_with_bisection,
    confidences,
    confidences_if_answered,
    mean_loglikelihood,
)


class Fixed(Model):
    """Weighs everything the same."""

    def __init__(self, logprob):
        self.logprob = logprob

    def generate(self, prompts, sampling):
        return [Completion("x") for _ in prompts]

    def loglikelihood(self, pairs):
        if self.logprob is None:
            raise BackendError("is down")
        return [LogLikelihood(self.logprob, 2, 4) for _ in pairs]


def test_only_what_fails_is_left_out():
    calls = []

    def ask(some):
        calls.append(len(some))
        if 13 in some:
            raise DataError("13 is missing")
        return [n * 2 for n in some]

    found = call_with_bisection(ask, range(64))
    assert isinstance(found[13], DataError)
    assert [n for n in found if not isinstance(n, DataError)] == [
        n * 2 for n in range(64) if n != 13
    ]
    assert len(calls) <= 2 * math.log2(64) + 1
    assert call_with_bisection(ask, []) == []


def test_what_a_member_notes_is_not_the_ensembles():
    with collect_log() as book:
        log_value("ties", 1.0)
        call_with_bisection(lambda some: [log_value("ties", 0.0) for _ in some], [1, 2])
    assert book.facts == {"ties": 1.0}


def test_a_fault_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        call_with_bisection(lambda some: [1 / 0 for _ in some], [1])
    with pytest.raises(BackendError, match="1 answers where 2"):
        call_with_bisection(lambda _: [1], [1, 2])


def test_mixture_is_the_mean_probability():
    question = [(Prompt(question="q"), ("x",))]
    members = [Fixed(math.log(0.5)), Fixed(math.log(0.1)), Fixed(None)]
    ((found,),) = mean_loglikelihood(members, [3.0, 1.0, 1.0], question)
    assert math.exp(found.logprob) == pytest.approx((3 * 0.5 + 0.1) / 4)
    with pytest.raises(BackendError, match="no member answers item ''"):
        mean_loglikelihood([Fixed(None)], [1.0], question)


def test_confidence_is_a_tokens_mean_probability():
    prompt = Prompt(question="q")
    told = [
        (prompt, Completion("a")),
        (prompt, Completion("")),
        (prompt, Completion("b", 0, 4, logprob=-8.0)),
    ]
    assert confidences(Fixed(-1.0), told) == pytest.approx([math.exp(-0.5), 0.0, math.exp(-2)])
    assert confidences(Fixed(None), told[:1]) == [0.0]


def test_who_did_not_answer_has_no_confidence():
    answers = [None, Completion("a"), BackendError("it failed")]
    certainty = confidences_if_answered(Fixed(-1.0), [Prompt(question="q")] * 3, answers)
    assert certainty == [None, pytest.approx(math.exp(-0.5)), None]


def test_what_is_not_a_number_convinces_nobody():
    question = [(Prompt(question="q"), ("x",))]
    ((found,),) = mean_loglikelihood([Fixed(math.nan), Fixed(-2.0)], [1.0, 1.0], question)
    assert found.logprob == -2.0
    asked = [(Prompt("q"), Completion("x", num_new_tokens=1, logprob=math.nan))]
    assert confidences(Fixed(-1.0), asked) == [0.0]
