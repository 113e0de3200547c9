"""Differences with their sign."""

from acclimate.study.analysis.gap import gap, is_worse
from example_findings import comparison

COMPARED = comparison({"a": 0.7, "b": 0.5, "c": 0.499}, error=0.01)


def test_the_sign_follows_the_order_asked() -> None:
    up, down = gap(COMPARED, "a", "b"), gap(COMPARED, "b", "a")
    assert (up.delta, up.low, up.high) == (-down.delta, -down.high, -down.low)
    assert up.delta > 0
    assert (up.verdict, down.verdict) == ("better", "worse")


def test_what_is_not_significant_has_no_verdict() -> None:
    assert gap(COMPARED, "b", "c").verdict == "no difference shown"
    assert not is_worse(COMPARED, "c", "b")


def test_worse_is_one_way() -> None:
    assert is_worse(COMPARED, "b", "a")
    assert not is_worse(COMPARED, "a", "b")


def test_a_pair_that_was_not_compared() -> None:
    assert gap(COMPARED, "a", "nobody") is None
    assert not is_worse(COMPARED, "nobody", "a")
