"""The limits a user may set, and what does not keep them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.study.findings import Standing
from acclimate.study.wording import bits, duration, memory, money, share


@dataclass(frozen=True, slots=True)
class Limit:
    """What is limited, from which side, and how it is said."""

    noun: str
    read: Callable[[Standing], float | None]
    say: Callable[[float], str]
    is_least: bool = False
    between: tuple[float, float] = (0.0, math.inf)
    """What a bound may be."""

    def require(self, bound: float) -> None:
        """Refuse a bound that nothing could or everything would keep.

        Raises:
            ConfigError: It is outside what it may be.
        """
        low, high = self.between
        if not low <= bound <= high:
            allowed = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
            raise ConfigError(f"a limit on {self.noun} must be {allowed}; got {bound:g}")

    def excess(self, standing: Standing, bound: float) -> float:
        """How far beyond the bound, as a share of it; above 0 breaks it, unmeasured is infinite."""
        value = self.read(standing)
        if value is None:
            return math.inf
        over = bound - value if self.is_least else value - bound
        return over / max(abs(bound), 1e-9)

    def rule(self, bound: float) -> str:
        """The limit in words."""
        return f"{self.noun} at {'least' if self.is_least else 'most'} {self.say(bound)}"

    def complaint(self, standing: Standing, bound: float) -> str:
        """What is wrong, in words."""
        value = self.read(standing)
        if value is None:
            return f"{self.noun} not measured; the limit is {self.rule(bound)}"
        side = "below" if self.is_least else "above"
        return f"{self.noun} {self.say(value)}, {side} the limit of {self.say(bound)}"


def _forgotten(standing: Standing) -> float | None:
    """Change in bits per byte; weights that we know nobody changed cannot have forgotten."""
    if standing.forgetting and standing.forgetting.bits_per_byte is not None:
        return standing.forgetting.bits_per_byte
    return None if standing.is_trained or standing.is_recorded else 0.0


LIMITS: Mapping[str, Limit] = {
    "max_latency_seconds": Limit("median latency", lambda s: s.latency_seconds, duration),
    "max_memory_bytes": Limit("peak memory", lambda s: s.peak_bytes, memory),
    "max_total_usd": Limit("total cost", lambda s: s.total_usd, money),
    "min_quality": Limit(
        "quality", lambda s: s.quality.mean if s.quality else None, "{:.3f}".format, is_least=True
    ),
    "max_forgetting_bits_per_byte": Limit(
        "forgetting", _forgotten, bits, between=(-math.inf, math.inf)
    ),
    "max_capability_lost": Limit(
        "capability lost",
        lambda s: s.capability.lost if s.capability else None,
        share,
        between=(0.0, 1.0),
    ),
}
"""Every limit by the name it has in a study file."""


def broken_limits(standing: Standing, limits: Mapping[str, float]) -> tuple[str, ...]:
    """What a recipe does not keep, in words. What was not measured is not kept.

    Raises:
        UnknownNameError: A limit has no such name.
    """
    broken = []
    for name, bound in limits.items():
        limit = limit_named(name)
        if limit.excess(standing, bound) > 0:
            broken.append(limit.complaint(standing, bound))
    return tuple(broken)


def limit_named(name: str) -> Limit:
    """The limit of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in LIMITS:
        raise UnknownNameError("limit", name, LIMITS)
    return LIMITS[name]


def nearest(standings: list[Standing], limits: Mapping[str, float]) -> Standing:
    """The recipe whose worst excess over any limit is smallest."""
    return min(
        standings,
        key=lambda s: max(LIMITS[name].excess(s, bound) for name, bound in limits.items()),
    )
