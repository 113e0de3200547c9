"""Lengths against a small model's window of 256 tokens."""

import pytest

from acclimate.core.domain import Domain, Item, Task
from acclimate.core.errors import DataError
from acclimate.core.model import Model
from acclimate.tasks.length_check import check_lengths


def domain(question="short?", target="yes", **task):
    item = Item(id="i", question=question, target=target)
    return Domain(name="d", test=(Task(name="t", metrics=("exact_match",), items=(item,), **task),))


def test_what_fits_is_silent(tiny):
    assert check_lengths(domain(), tiny) == []


def test_a_question_beyond_the_window_is_refused(tiny):
    with pytest.raises(DataError, match="item 'i' of task 't' takes"):
        check_lengths(domain(question="word " * 400), tiny)


def test_an_answer_beyond_max_new_tokens_is_said(tiny):
    (note,) = check_lengths(domain(target="xyzzy " * 9, max_new_tokens=4), tiny)
    assert "task 't': 1 of 1 right answers take more than max_new_tokens=4" in note


def test_a_model_without_a_tokenizer_is_not_asked():
    class Remote(Model):
        generate = loglikelihood = None

    assert check_lengths(domain(question="word " * 400), Remote()) == []
