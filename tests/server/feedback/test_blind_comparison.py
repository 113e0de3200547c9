"""Two answers in random order: each system as often first as second, and each drawn."""

from collections import Counter

import pytest

from acclimate.core.errors import BackendError, DataError
from acclimate.server.feedback.blind_comparison import check_question, compared
from acclimate.server.feedback.store import StoredMessage
from acclimate.server.limits import Limits
from server.small_systems import Says

ASKED = (StoredMessage(role="user", content="Why?"),)


def drawn(systems, times):
    found = [compared(systems, ASKED, "say", Limits()) for _ in range(times)]
    return [tuple(answer.system for answer in one.answers) for one in found]


def test_the_order_is_random():
    firsts = Counter(first for first, _ in drawn({"a": Says("x"), "b": Says("y")}, 400))
    # Four standard deviations of a fair coin.
    assert abs(firsts["a"] - 200) < 4 * 100**0.5


def test_of_many_systems_every_pair_is_drawn():
    found = {frozenset(pair) for pair in drawn({name: Says(name) for name in "abc"}, 100)}
    assert found == {frozenset("ab"), frozenset("bc"), frozenset("ac")}


def test_tickets_are_long_and_never_the_same():
    systems = {"a": Says("x"), "b": Says("y")}
    tickets = [compared(systems, ASKED, "", Limits()).ticket for _ in range(50)]
    assert len(set(tickets)) == 50
    assert min(map(len, tickets)) >= 20


def test_one_system_answers_twice_and_differently():
    system = Says("yes")
    shown = compared({"only": system}, ASKED, "", Limits(default_new_tokens=7))
    assert [answer.text for answer in shown.answers] == ["yes 0", "yes 1"]
    assert {(s.temperature, s.max_new_tokens) for _, s in system.asked} == {(1.0, 7)}


def test_what_is_no_question_is_refused():
    for messages in ((), (StoredMessage(role="assistant", content="I"),)):
        with pytest.raises(DataError, match="the last message must be the user's"):
            check_question(messages)
    with pytest.raises(DataError, match="the question is empty"):
        check_question((StoredMessage(role="user", content=" "),))
    with pytest.raises(DataError, match="answer in turn 2 is empty"):
        check_question((*ASKED, StoredMessage(role="assistant", content=""), *ASKED))


def test_without_a_system_there_is_no_answer():
    with pytest.raises(BackendError, match="serve at least one"):
        compared({}, ASKED, "", Limits())
