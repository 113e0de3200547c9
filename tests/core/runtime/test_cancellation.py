"""Work for somebody ends when they go, before it begins, during it, and not after it."""

import pytest

from acclimate.core.runtime.cancellation import LeftError, Waiter, stopped_by_leaving, working_for
from acclimate.ensembles.member_calls import attempted


def test_work_is_stopped_when_they_go_and_only_then():
    waiter, stopped = Waiter(), []
    with working_for(waiter):
        with stopped_by_leaving(lambda: stopped.append("done before")):
            pass
        with stopped_by_leaving(lambda: stopped.append("under way")):
            waiter.go()
        with stopped_by_leaving(lambda: stopped.append("begun after")):
            pass
    with stopped_by_leaving(lambda: stopped.append("for nobody")):
        waiter.go()
    assert stopped == ["under way", "begun after"]


def test_a_member_that_was_stopped_is_not_left_out_as_one_that_failed():
    def stopped(_asked):
        raise LeftError("gone")

    with pytest.raises(LeftError):
        attempted(stopped, ["one", "two"])
