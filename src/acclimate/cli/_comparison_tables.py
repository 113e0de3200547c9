"""Tables of systems and of pairs, for the terminal."""

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from acclimate.statistics.comparison import Comparison, Difference


def systems_table(comparison: Comparison) -> Table:
    """Each system's mean and interval, best first."""
    table = _table("Systems, best first")
    table.add_column("", justify="right")
    table.add_column("system", overflow="fold")
    table.add_column("mean", justify="right")
    table.add_column(f"{_percent(comparison)} interval", justify="right")
    for rank, (name, estimate) in enumerate(comparison.estimates.items(), start=1):
        interval = f"{number_cell(estimate.low)} to {number_cell(estimate.high)}"
        table.add_row(str(rank), Text(name), number_cell(estimate.mean), interval)
    return table


def pairs_table(comparison: Comparison, against: str | None = None) -> Table:
    """Each pair's difference, interval, p-values and verdict.

    Args:
        comparison: What to show.
        against: Only this system's pairs, as the other minus this one; None: all pairs, as the
            better minus the worse.
    """
    title = (
        "Each pair, the better minus the worse"
        if against is None
        else f"Each system minus {against}"
    )
    table = _table(title)
    table.add_column("pair" if against is None else "system", overflow="fold")
    table.add_column("delta", justify="right", no_wrap=True)
    table.add_column(f"{_percent(comparison)} interval", justify="right", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("Holm p", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name, difference, sign in _signed(comparison, against):
        ends = sorted((sign * difference.low, sign * difference.high))
        table.add_row(
            name,
            number_cell(sign * difference.delta, signed=True),
            f"{number_cell(ends[0], signed=True)} to {number_cell(ends[1], signed=True)}",
            p_value(difference.p_value),
            p_value(difference.holm_p),
            verdict(difference, sign),
        )
    return table


def verdict(difference: Difference, sign: int = 1) -> str:
    """What the pair comes to: `better`, `worse`, or `undecided` where Holm's p says so."""
    if not difference.is_significant:
        return "undecided"
    return "better" if sign > 0 else "worse"


def number_cell(value: float, *, signed: bool = False) -> str:
    """Three decimals, or four digits from 100 on."""
    shown = f"{value:{'+' if signed else ''}{'.3f' if abs(value) < 100 else '.4g'}}"
    return shown.replace("-0.000", "0.000").replace("+0.000", "0.000")


def p_value(value: float) -> str:
    """Four decimals; never 0."""
    return f"{value:.4f}" if value >= 0.0001 else "<0.0001"


def _table(title: str) -> Table:
    return Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def _percent(comparison: Comparison) -> str:
    return f"{100 * comparison.confidence:.4g} %"


def _signed(comparison: Comparison, against: str | None) -> Iterator[tuple[Text, Difference, int]]:
    for difference in comparison.differences:
        if against is None:
            yield Text(f"{difference.better} over {difference.worse}"), difference, 1
        elif against == difference.better:
            yield Text(difference.worse), difference, -1
        elif against == difference.worse:
            yield Text(difference.better), difference, 1
