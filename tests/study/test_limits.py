"""Limits: what is kept, what is broken and how it is said."""

import pytest

from acclimate.core.errors import UnknownNameError
from acclimate.study.findings import Capability, Forgetting
from acclimate.study.limits import broken_limits, nearest
from example_findings import standing


def test_a_value_on_the_limit_keeps_it() -> None:
    one = standing("a", 0.6, latency_seconds=0.2, peak_bytes=2**30)
    limits = {"max_latency_seconds": 0.2, "max_memory_bytes": 2**30, "min_quality": 0.6}
    assert broken_limits(one, limits) == ()


def test_each_limit_from_its_side() -> None:
    one = standing(
        "a", 0.6, latency_seconds=0.3, peak_bytes=2**31, is_trained=True, fit_usd=50.0,
        request_usd=0.0, forgetting=Forgetting(bits_per_byte=0.1),
        capability=Capability(num_items=9, before=0.8, after=0.6, low=-0.3, high=-0.1),
    )  # fmt: skip
    limits = {
        "max_latency_seconds": 0.2,
        "max_memory_bytes": 2**30,
        "max_total_usd": 49.0,
        "min_quality": 0.65,
        "max_forgetting_bits_per_byte": 0.05,
        "max_capability_lost": 0.2,
    }
    assert broken_limits(one, limits) == (
        "median latency 300 ms, above the limit of 200 ms",
        "peak memory 2.00 GiB, above the limit of 1.00 GiB",
        "total cost 50.00 USD, above the limit of 49.00 USD",
        "quality 0.600, below the limit of 0.650",
        "forgetting +0.100 bits/byte, above the limit of +0.050 bits/byte",
        "capability lost 25.0 %, above the limit of 20.0 %",
    )


def test_what_was_not_measured_is_not_kept() -> None:
    (broken,) = broken_limits(standing("a", 0.6, latency_seconds=None), {"max_latency_seconds": 1})
    assert broken == "median latency not measured; the limit is median latency at most 1 s"


@pytest.mark.parametrize(("is_trained", "num_broken"), [(False, 0), (True, 1)])
def test_only_changed_weights_can_forget(is_trained: bool, num_broken: int) -> None:
    one = standing("a", 0.6, is_trained=is_trained)
    assert len(broken_limits(one, {"max_forgetting_bits_per_byte": 0.0})) == num_broken


def test_what_answers_made_elsewhere_cost_their_maker_is_not_known() -> None:
    one = standing("a", 0.6, is_recorded=True)
    (broken,) = broken_limits(one, {"max_forgetting_bits_per_byte": 0.0})
    assert broken.startswith("forgetting not measured")


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean max_latency_seconds"):
        broken_limits(standing("a", 0.6), {"max_latency": 1.0})


def test_nearest_is_by_share_of_the_limit() -> None:
    # 10 % over on latency against 50 % over on cost
    slow = standing("slow", 0.6, latency_seconds=1.1, fit_usd=1.0, request_usd=0.0)
    dear = standing("dear", 0.6, latency_seconds=1.0, fit_usd=15.0, request_usd=0.0)
    limits = {"max_latency_seconds": 1.0, "max_total_usd": 10.0}
    assert nearest([dear, slow], limits).recipe == "slow"
