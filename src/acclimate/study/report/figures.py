"""Which charts the report shows, what each is called and what it says in words."""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from acclimate.statistics.pareto_front import front
from acclimate.study.analysis.gap import gap
from acclimate.study.analysis.recommendation_rule import measured, quality
from acclimate.study.findings import Findings, Standing
from acclimate.study.report.charts import Named, curves, fronts, intervals
from acclimate.study.report.fit_notes import FitNotes
from acclimate.study.wording import percent


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its title and what a reader should see in it."""

    title: str
    says: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Price:
    """Something that less of is better."""

    name: str
    title: str
    label: str
    read: Callable[[Standing], float | None]


PRICES = (
    Price("cost", "Quality and total cost", "total cost, USD", lambda s: s.total_usd),
    Price(
        "latency",
        "Quality and latency",
        "median latency, ms",
        lambda s: None if s.latency_seconds is None else 1000 * s.latency_seconds,
    ),
    Price(
        "memory",
        "Quality and memory",
        "peak memory, MiB",
        lambda s: None if s.peak_bytes is None else s.peak_bytes / 2**20,
    ),
    Price(
        "forgetting",
        "Quality and forgetting",
        "forgetting, bits/byte more on control text",
        lambda s: s.forgetting.bits_per_byte if s.forgetting else None,
    ),
)


def figures(findings: Findings) -> list[Chart]:
    """Every chart that there are values for."""
    rows = measured(findings.standings)
    numbers = {s.recipe: number for number, s in enumerate(rows, 1)}
    named = Named(numbers, findings.recommendation.pick, findings.base)
    charts = [_quality(findings, rows, named), _against_base(findings, rows, named)]
    charts += [_front(rows, named, price) for price in PRICES]
    return [chart for chart in charts if chart]


def curve_figures(notes: FitNotes, section: int) -> list[Chart]:
    """The curves of one fit; `place` makes their ids its own."""
    return [
        Chart(c.title, c.says, Markup(curves(f"told-{section}-{number}", c.lines, c.title)))
        for number, c in enumerate(notes.charts)
    ]


def _quality(findings: Findings, rows: list[Standing], named: Named) -> Chart | None:
    values = [(s.recipe, s.quality.mean, s.quality.low, s.quality.high) for s in rows if s.quality]
    if not values:
        return None
    base = next((mean for recipe, mean, _, _ in values if recipe == findings.base), None)
    confidence = percent(findings.comparison.confidence)
    return Chart(
        "Quality",
        f"Mean over items with its {confidence} interval; the dashed line is the base.",
        Markup(intervals("quality", values, named, ("quality", base))),
    )


def _against_base(findings: Findings, rows: list[Standing], named: Named) -> Chart | None:
    pairs = [(s.recipe, gap(findings.comparison, s.recipe, findings.base)) for s in rows]
    values = [(recipe, g.delta, g.low, g.high) for recipe, g in pairs if g]
    if not values:
        return None
    return Chart(
        "Difference to the base",
        "Paired on items, before adjusting for the number of pairs: verdicts are in the table.",
        Markup(intervals("gap", values, named, ("quality above that of the base", 0.0))),
    )


def _front(rows: list[Standing], named: Named, price: Price) -> Chart | None:
    points = {s.recipe: (x, quality(s)) for s in rows if (x := price.read(s)) is not None}
    if len(points) < 2:
        return None
    best = ", ".join(front(points))
    absent = [s.recipe for s in rows if s.recipe not in points]
    says = f"Up and left is better. Filled: the front, which nothing else beats on both: {best}."
    if absent:
        says += f" Not measured: {', '.join(absent)}."
    drawn = fronts(price.name, points, named, (price.label, "quality"))
    return Chart(price.title, says, Markup(drawn))
