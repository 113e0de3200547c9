"""Money: what it costs to make a model and to serve it over a horizon."""

from pydantic import Field

from acclimate.core.errors import ConfigError
from acclimate.core.record import Record
from acclimate.core.runtime.cost import Cost

SECONDS_PER_HOUR = 3600.0


class Prices(Record):
    """What things cost. The defaults are list prices of a class of offers: put your own here."""

    cpu_core_hour_usd: float = Field(default=0.04, ge=0)
    """One virtual core for an hour; about the on-demand list price of large clouds, 2026."""
    gpu_hour_usd: float = Field(default=2.5, ge=0)
    """One data-centre accelerator for an hour; about what GPU clouds list on demand, 2026."""
    prompt_token_usd: float = Field(default=0.0, ge=0)
    """A token read by a remote model; 0: nothing is bought by the token."""
    new_token_usd: float = Field(default=0.0, ge=0)
    """A token written by a remote model; 0: nothing is bought by the token."""


def fit_usd(cost: Cost, prices: Prices, num_cores: int, num_gpus: int = 0) -> float:
    """Money to make a model once, USD: machine hours, and what others charge.

    What others charged counts where it was recorded (`paid_usd`), else the price of the tokens.

    Args:
        cost: Of making it.
        prices: What things cost.
        num_cores: Cores held while it was made, whether busy or not.
        num_gpus: Accelerators held.
    """
    hours = cost.seconds / SECONDS_PER_HOUR
    machine = num_cores * prices.cpu_core_hour_usd + num_gpus * prices.gpu_hour_usd
    tokens = cost.prompt_tokens * prices.prompt_token_usd + cost.new_tokens * prices.new_token_usd
    return hours * machine + (cost.paid_usd or tokens)


def request_usd(
    answer_cost: Cost, num_requests: int, prices: Prices, num_cores: int, num_gpus: int = 0
) -> float:
    """Money a request, USD, when the machine is held only while it answers.

    Args:
        answer_cost: Of answering all of them.
        num_requests: How many there were, at least 1.
        prices: What things cost.
        num_cores: Cores held meanwhile.
        num_gpus: Accelerators held meanwhile.

    Raises:
        ConfigError: There were none.
    """
    if num_requests < 1:
        raise ConfigError(f"num_requests={num_requests}, must be at least 1 to price a request")
    return fit_usd(answer_cost, prices, num_cores, num_gpus) / num_requests


def total_usd(fit: float, request: float, months: float, requests_per_month: float) -> float:
    """Money to make it once and serve it over the horizon, USD.

    Args:
        fit: USD to make it.
        request: USD a request.
        months: Horizon.
        requests_per_month: Load.
    """
    return fit + request * months * requests_per_month
