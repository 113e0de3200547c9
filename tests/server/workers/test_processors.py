"""Processors: threads stay where they are told to, and only those."""

import os
import threading

import pytest

from acclimate.server.workers.process_setup import interrupt_nobody, keep_to, processors

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="the system does not tell"
)


def in_a_thread(*work):
    """What functions give, called one after another in a thread of their own."""
    found = []
    thread = threading.Thread(target=lambda: found.extend(one() for one in work))
    thread.start()
    thread.join()
    return found


def test_a_thread_keeps_to_its_processor_and_so_do_those_it_starts():
    own = processors()
    own_of_another = lambda: in_a_thread(processors)  # noqa: E731
    found = in_a_thread(lambda: keep_to(own[-1]), processors, own_of_another)
    assert found == [True, own[-1:], [own[-1:]]]
    assert processors() == own


def test_a_processor_that_is_not_there():
    assert in_a_thread(lambda: keep_to(10_000), processors) == [False, processors()]


def test_who_interrupts_nobody_starts_none_who_does():
    kind = lambda: os.sched_getscheduler(0)  # noqa: E731
    before = kind()
    found = in_a_thread(interrupt_nobody, kind, lambda: in_a_thread(kind))
    assert found == [True, os.SCHED_BATCH, [os.SCHED_BATCH]]
    assert kind() == before
