"""Values as people read them."""

import pytest

from acclimate.statistics.comparison import Estimate
from acclimate.study import wording
from acclimate.study.findings import Capability, Forgetting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "not measured"),
        (0.0, "0 ms"),
        (0.00043, "0.43 ms"),
        (0.1804, "180 ms"),
        (1.234, "1.23 s"),
        (45.6, "45.6 s"),
        (600, "10 min"),
        (9000, "2.5 h"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "not measured"),
        (0.0, "0 USD"),
        (0.0000123, "0.000012 USD"),
        (0.25, "0.25 USD"),
        (57.6, "57.60 USD"),
        (12345.6, "12,346 USD"),
    ],
)
def test_money(usd: float | None, text: str) -> None:
    assert wording.money(usd) == text


def test_memory_and_counts() -> None:
    assert wording.memory(None) == "not measured"
    assert wording.memory(640 * 2**20) == "640 MiB"
    assert wording.memory(3 * 2**29) == "1.50 GiB"
    assert [wording.counted(n) for n in (3, 999, 12_345, 5.2e6)] == [
        "3",
        "999",
        "12,300",
        "5,200,000",
    ]


def test_intervals_and_p() -> None:
    assert wording.interval(Estimate(mean=0.5, low=0.4, high=0.61)) == "0.500 [0.400, 0.610]"
    assert wording.interval(None) == "not measured"
    assert wording.probability(0.0004) == "p < 0.001"
    assert wording.probability(0.0123) == "p = 0.012"


def test_forgetting_says_what_it_has() -> None:
    assert wording.forgetting(None) == "not measured"
    assert wording.forgetting(Forgetting()) == "not measured"
    assert wording.forgetting(Forgetting(bits_per_byte=0.02)) == "+0.020 bits/byte"
    both = Forgetting(bits_per_byte=-0.001, accuracy=-0.01)
    assert wording.forgetting(both) == "-0.001 bits/byte, accuracy -0.010"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1_179_648.0, "1,179,648"),
        (-3, "-3"),
        (0.0002, "0.0002000"),
        (2.6491, "2.649"),
        (12_345.6, "12,346"),
    ],
)
def test_any_number(value: float, text: str) -> None:
    assert wording.number_text(value) == text


def test_what_was_lost() -> None:
    kept = Capability(num_items=1_200, before=0.8, after=0.6, low=-0.3, high=-0.1)
    assert wording.lost(kept) == "25.0 % of 1,200 items"
    assert wording.lost(kept.model_copy(update={"num_items": 0})) == "nothing to lose"
    assert wording.lost(None) == "not measured"
    assert wording.share(-0.0001) == "0.0 %"
