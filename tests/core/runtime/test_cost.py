"""Cost: sums by hand, meters that nest, memory that is seen."""

import gc
import threading

import pytest

from acclimate.core.runtime.cost import Cost, metered, resident_bytes, spend


def test_costs_add_up_and_peaks_do_not():
    one = Cost(seconds=1, prompt_tokens=2, new_tokens=3, train_tokens=4, flops=5, paid_usd=6)
    other = Cost(
        seconds=10, prompt_tokens=20, new_tokens=30, train_tokens=40, flops=50, paid_usd=60
    )
    assert one + other == Cost(
        seconds=11, prompt_tokens=22, new_tokens=33, train_tokens=44, flops=55, paid_usd=66
    )
    assert (Cost(peak_bytes=5) + Cost(peak_bytes=3)).peak_bytes == 5
    assert (Cost(peak_bytes=5) + Cost()).peak_bytes == 5
    assert (Cost() + Cost()).peak_bytes is None


def test_meters_nest():
    with metered() as outer:
        spend(Cost(new_tokens=1))
        with metered() as inner:
            spend(Cost(new_tokens=2))
        spend(Cost(new_tokens=4))
    spend(Cost(new_tokens=8))
    assert (outer.cost.new_tokens, inner.cost.new_tokens) == (7, 2)
    assert outer.cost.seconds >= inner.cost.seconds > 0


def test_a_meter_closes_when_its_body_fails():
    before = threading.active_count()
    meters = []

    def fail():
        with metered() as meter:
            meters.append(meter)
            spend(Cost(new_tokens=1))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    spend(Cost(new_tokens=1))
    assert meters[0].cost.new_tokens == 1
    assert meters[0].cost.seconds > 0
    assert threading.active_count() == before


def test_memory_of_the_body_is_seen():
    if resident_bytes() is None:
        pytest.skip("the system does not tell")
    gc.collect()  # what earlier tests left must not go meanwhile
    before = resident_bytes()
    with metered() as meter:
        block = bytearray(b"x") * (64 << 20)
        threading.Event().wait(0.1)  # as other work would: the watch looks every 20 ms
        del block
    assert meter.cost.peak_bytes > before + (48 << 20)


def test_memory_that_is_not_told_is_not_claimed(monkeypatch):
    monkeypatch.setattr("acclimate.core.runtime.cost.resident_bytes", lambda: None)
    with metered() as meter:
        pass
    assert meter.cost.peak_bytes is None
