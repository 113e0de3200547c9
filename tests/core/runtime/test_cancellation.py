"""Work for somebody ends when they go, before it begins, during it, and not after it."""

import pytest

from acclimate.core.runtime.cancellation import (
    CancelledError,
    CancelToken,
    cancellable_by,
    on_cancel,
)
from acclimate.ensembles.member_calls import call_with_bisection


def test_work_is_stopped_when_they_go_and_only_then():
    waiter, stopped = CancelToken(), []
    with cancellable_by(waiter):
        with on_cancel(lambda: stopped.append("done before")):
            pass
        with on_cancel(lambda: stopped.append("under way")):
            waiter.cancel()
        with on_cancel(lambda: stopped.append("begun after")):
            pass
    with on_cancel(lambda: stopped.append("for nobody")):
        waiter.cancel()
    assert stopped == ["under way", "begun after"]


def test_a_member_that_was_stopped_is_not_left_out_as_one_that_failed():
    def stopped(_asked):
        raise CancelledError("gone")

    with pytest.raises(CancelledError):
        call_with_bisection(stopped, ["one", "two"])
