import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from acclimate.core.errors import BackendError
from acclimate.core.runtime.cancellation import CancelledError, CancelToken, cancellable_by
from acclimate.inference.backends.batch_queue import BatchQueue, EngineRequest
from acclimate.inference.backends.interface import LoadedEngine


class Doubling(LoadedEngine):
    """Writes each context's first token twice; fails at 13; the first batch waits for a go."""

    def __init__(self):
        self.batches, self.go, self.is_begun = [], threading.Event(), threading.Event()

    def write(self, contexts, budgets, hear=None):
        self.batches.append(len(contexts))
        self.is_begun.set()
        assert self.go.wait(10)
        for place, (first, *_) in enumerate(contexts):
            if first == 13:
                raise RuntimeError("13 is unlucky")
            if hear is not None:
                hear(place, first)
        return [context * 2 for context in contexts]


def test_who_waits_is_answered_together():
    opened = Doubling()
    answers = [own.result() for own in all_of(opened)]
    assert answers == [[[n, n]] for n in range(6)]
    assert opened.batches == [1, 5]


def test_a_bad_request_harms_no_other():
    opened = Doubling()
    opened.go.set()
    good, bad = EngineRequest([1], 2), EngineRequest([13], 2)
    gathering = BatchQueue(opened)
    with pytest.raises(BackendError, match="13 is unlucky"):
        gathering.serve([good, bad])
    assert good.answer == [1, 1]
    assert gathering.serve([EngineRequest([2], 2)]) == [[2, 2]]


class Panic(BaseException):
    """As a library in Rust panics."""


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Panic("unwrap"), "unwrap"),
        ([[1, 1]] * 3, "3 answers to"),
        ([], "0 answers to"),
        (None, "NoneType"),
    ],
)
def test_whatever_goes_wrong_is_told_to_all(fault, told):
    class Failing(Doubling):
        def write(self, contexts, budgets, hear=None):
            super().write(contexts, budgets, hear)
            if isinstance(fault, BaseException):
                raise fault
            return fault

    for answered in all_of(Failing()):
        with pytest.raises(BackendError, match=told):
            answered.result()


def test_who_waits_for_one_that_is_stopped_is_told():
    class Stopped(Doubling):
        def write(self, contexts, budgets, hear=None):
            super().write(contexts, budgets, hear)
            raise KeyboardInterrupt if len(contexts) == 1 else RuntimeError

    kinds = [type(answered.exception()) for answered in all_of(Stopped())]
    assert kinds.count(KeyboardInterrupt) == 2
    assert kinds.count(BackendError) == 4


def all_of(opened):
    """What is answered to one, and to five who wait meanwhile and are asked together."""
    gathering = BatchQueue(opened)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(gathering.serve, [EngineRequest([0], 2)])
        assert opened.is_begun.wait(10)
        others = [pool.submit(gathering.serve, [EngineRequest([n], 2)]) for n in range(1, 6)]
        while len(gathering._waiting) < 5:
            pass
        opened.go.set()
    return [first, *others]


def test_each_hears_its_own():
    opened = Doubling()
    opened.go.set()
    heard = []
    quiet, loud = (
        EngineRequest([1], 2),
        EngineRequest([2], 2, lambda token: heard.append(token) or False),
    )
    BatchQueue(opened).serve([quiet, loud])
    assert heard == [2]


def test_what_was_begun_aloud_is_not_begun_anew():
    opened = Doubling()
    opened.go.set()
    heard = []
    loud = EngineRequest([1], 2, lambda token: heard.append(token) or False)
    bad, quiet = EngineRequest([13], 2), EngineRequest([2], 2)
    with pytest.raises(BackendError):
        BatchQueue(opened).serve([loud, bad, quiet])
    assert heard == [1]
    assert loud.failure is not None
    assert (quiet.failure, quiet.answer) == (None, [2, 2])


def test_who_goes_away_ends_the_answer_at_its_next_token():
    class Endless(LoadedEngine):
        def __init__(self):
            self.num_written = []

        def write(self, contexts, budgets, hear=None):
            number = 0
            while number < 10_000 and not (hear and hear(0, number)):
                number += 1
                waiter.cancel()
            self.num_written.append(number)
            return [[number]]

    opened, waiter = Endless(), CancelToken()
    with cancellable_by(waiter), pytest.raises(CancelledError):
        BatchQueue(opened).serve([EngineRequest([1], 2)])
    with cancellable_by(waiter), pytest.raises(CancelledError):
        BatchQueue(opened).serve([EngineRequest([1], 2)])
    # The second was left before it was begun.
    assert opened.num_written == [1]


def test_without_anybody_who_may_go_the_engine_is_asked_for_nothing_more():
    opened = Doubling()
    opened.go.set()
    heard = []
    opened.write = lambda contexts, budgets, hear=None: heard.append(hear) or [[1]]
    BatchQueue(opened).serve([EngineRequest([1], 2)])
    with cancellable_by(CancelToken()):
        BatchQueue(opened).serve([EngineRequest([1], 2)])
    assert heard[0] is None
    assert heard[1] is not None
