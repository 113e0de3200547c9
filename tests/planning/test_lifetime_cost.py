"""Money against sums worked by hand."""

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.runtime.cost import Cost
from acclimate.planning.lifetime_cost import Prices, fit_usd, request_usd, total_usd

PRICES = Prices(cpu_core_hour_usd=0.05, gpu_hour_usd=3.0, prompt_token_usd=1e-6, new_token_usd=4e-6)


def test_half_an_hour_of_two_cores() -> None:
    # 0.5 h x 2 cores x 0.05 USD
    assert fit_usd(Cost(seconds=1800), PRICES, 2) == pytest.approx(0.05)


def test_an_accelerator_is_paid_beside_its_cores() -> None:
    # 2 h x (4 x 0.05 + 1 x 3.00)
    assert fit_usd(Cost(seconds=7200), PRICES, 4, 1) == pytest.approx(6.4)


def test_tokens_are_priced_where_nothing_was_charged() -> None:
    # 1,000,000 read x 1e-6 + 500,000 written x 4e-6
    cost = Cost(prompt_tokens=1_000_000, new_tokens=500_000)
    assert fit_usd(cost, PRICES, 8) == pytest.approx(3.0)


def test_what_was_charged_is_not_counted_twice() -> None:
    cost = Cost(prompt_tokens=1_000_000, new_tokens=500_000, paid_usd=2.25)
    assert fit_usd(cost, PRICES, 8) == pytest.approx(2.25)


def test_local_tokens_are_free_unless_a_price_is_set() -> None:
    assert fit_usd(Cost(prompt_tokens=10**9, new_tokens=10**9), Prices(), 8) == 0


def test_a_request_is_its_share() -> None:
    # 3600 s x 2 cores x 0.05 USD over 400 requests
    assert request_usd(Cost(seconds=3600), 400, PRICES, 2) == pytest.approx(0.00025)


def test_no_requests_cannot_be_priced() -> None:
    with pytest.raises(ConfigError, match="num_requests=0, must be at least 1"):
        request_usd(Cost(seconds=1), 0, PRICES, 2)


def test_total_is_making_and_serving() -> None:
    # 5 + 0.001 x 12 x 10,000
    assert total_usd(5.0, 0.001, 12, 10_000) == pytest.approx(125.0)
