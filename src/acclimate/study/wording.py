"""Measured values as people read them: units on everything, and never a blank."""

import math
from collections.abc import Mapping, Sequence

from acclimate.statistics.comparison import Estimate
from acclimate.study.findings import Capability, Forgetting, Standing

NOT_MEASURED = "not measured"
LEAST_USD = 1e-6
"""What is paid a millionth of a dollar at a time is told by the thousand, or not at all."""


def duration(seconds: float | None) -> str:
    """Seconds in the unit that reads best."""
    if seconds is None:
        return NOT_MEASURED
    if seconds < 1:
        return f"{_significant(seconds * 1000)} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def money(usd: float | None) -> str:
    """US dollars, two digits that count."""
    if usd is None:
        return NOT_MEASURED
    if usd >= 1:
        return f"{usd:,.0f} USD" if usd >= 1000 else f"{usd:.2f} USD"
    if 0 < usd < LEAST_USD:
        return f"under {LEAST_USD:.6f} USD"
    return f"{_significant(usd)} USD"


def memory(num_bytes: float | None) -> str:
    """Bytes in MiB or GiB."""
    if num_bytes is None:
        return NOT_MEASURED
    return f"{num_bytes / 2**30:.2f} GiB" if num_bytes >= 2**30 else f"{num_bytes / 2**20:.0f} MiB"


def counted(number: float) -> str:
    """A number of things; three digits that count above a thousand."""
    if number < 1000:
        return f"{number:.0f}"
    size = 10 ** (math.floor(math.log10(number)) - 2)
    return f"{round(number / size) * size:,.0f}"


def interval(estimate: Estimate | None) -> str:
    """A mean with its interval."""
    if estimate is None:
        return NOT_MEASURED
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def probability(p: float) -> str:
    """A p-value with its sign."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def signed(number: float) -> str:
    """With its sign and three decimals; what rounds to nothing is +0.000."""
    return f"{round(number, 3) + 0.0:+.3f}"


def bits(change: float | None) -> str:
    """A change in bits per byte."""
    return NOT_MEASURED if change is None else f"{signed(change)} bits/byte"


def share(part: float) -> str:
    """A share of something, in percent with one decimal."""
    return f"{round(100 * part, 1) + 0.0:.1f} %"


def number_text(value: float) -> str:
    """Any number: whole, or with four digits that count; never in powers of ten."""
    if value == round(value):
        return f"{value:,.0f}"
    digits = 3 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, digits)}f}"


def lost(capability: Capability | None) -> str:
    """What is gone of what the base answered well."""
    if capability is None:
        return NOT_MEASURED
    if not capability.num_items:
        return "nothing to lose"
    return f"{share(capability.lost)} of {capability.num_items:,} items"


def percent(confidence: float) -> str:
    """A confidence as it is said."""
    return f"{100 * confidence:g} %"


def forgetting(change: Forgetting | None) -> str:
    """What was lost of general ability, in both measures."""
    parts = []
    if change is not None and change.bits_per_byte is not None:
        parts.append(bits(change.bits_per_byte))
    if change is not None and change.accuracy is not None:
        parts.append(f"accuracy {signed(change.accuracy)}")
    return ", ".join(parts) or NOT_MEASURED


def seeds(standing: Standing) -> str:
    """How many runs are behind the numbers."""
    return "1 seed" if standing.num_seeds == 1 else f"{standing.num_seeds} seeds"


def _significant(number: float) -> str:
    """At least two digits that count, never in powers of ten."""
    if number == 0:
        return "0"
    return f"{number:.{max(0, 1 - math.floor(math.log10(abs(number))))}f}"


def stale(reasons: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each recipe that was taken as it was, though other code made it."""
    return [
        f"{recipe} was taken as it was, though it would be made otherwise now ({'; '.join(why)})"
        for recipe, why in reasons.items()
    ]
