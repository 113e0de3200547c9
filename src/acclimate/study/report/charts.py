"""The report's charts: dots with whiskers, fronts of quality, and curves of fits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from acclimate.core.runtime.fit_log import Curve
from acclimate.statistics.pareto_front import front
from acclimate.study.report.label_placement import LINE, Label, place_labels
from acclimate.study.report.svg import ACCENT, INK, MUTED, WARM, drawing

ROW_HEIGHT = 31.0
LOG_FROM = 12.0
"""Largest over smallest from which an axis is logarithmic."""
MAX_POINTS = 150
"""Of a curve; more are closer than a pixel or two."""
MAX_UNIT = 20
"""Characters of an upright axis's label; a longer one is a sentence, and for the heading."""
MARGINS = (50.0, 38.0, 24.0)
"""Room for an upright axis: its numbers beside it, its label above."""
PLAIN: Mapping[str, Any] = {"color": ACCENT}
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "train": {"color": MUTED, "linestyle": (0, (4, 3))},
    "dev": PLAIN,
}
"""How kinds of curves are told apart: by dashes as well as by colour."""


@dataclass(frozen=True, slots=True)
class Named:
    """Who is who in a chart: the row's number in the table, the pick and the base."""

    numbers: Mapping[str, int]
    pick: str
    base: str

    def marker(self, recipe: str) -> dict[str, Any]:
        """How a recipe is marked, by shape as well as by colour."""
        if recipe == self.base:
            return {"marker": "D", "color": WARM, "markersize": 7}
        if recipe == self.pick:
            return {"marker": "o", "color": ACCENT, "markersize": 9}
        return {"marker": "o", "color": MUTED, "markersize": 6}


def intervals(
    name: str,
    rows: Sequence[tuple[str, float, float, float]],
    named: Named,
    axis: tuple[str, float | None],
) -> str:
    """Dots with whiskers, a row a recipe, its name over it.

    Args:
        name: Of the chart, for its ids.
        rows: Recipe, mean, low, high; top row first.
        named: Who is who.
        axis: Its label, and where the dashed line of the base stands, if it does.
    """
    label, reference = axis
    with drawing(name, 46 + ROW_HEIGHT * len(rows), (10, 38, 8)) as draft:
        axes = draft.axes
        if reference is not None:
            axes.axvline(reference, color=WARM, linestyle=(0, (4, 3)), linewidth=1.2)
        for height, (recipe, mean, low, high) in enumerate(rows):
            style = named.marker(recipe)
            axes.plot((low, high), (height, height), color=style["color"], linewidth=2)
            axes.plot(mean, height, linestyle="", **style)
            text = f"{named.numbers[recipe]}  {recipe}"
            axes.annotate(text, (0, height), (0, 7), xycoords=("axes fraction", "data"),
                          textcoords="offset points", color=INK)  # fmt: skip
        axes.set_ylim(len(rows) - 0.5, -0.85)
        axes.set_yticks([])
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return draft.svg


def fronts(
    name: str, points: Mapping[str, tuple[float, float]], named: Named, labels: tuple[str, str]
) -> str:
    """Quality against a price; the front is joined by a line and filled.

    Args:
        name: Of the chart, for its ids.
        points: Recipe → (price, quality).
        named: Who is who.
        labels: Of the two axes.
    """
    with drawing(name, 346, MARGINS) as draft:
        axes, best = draft.axes, front(points)
        _scale(axes, [x for x, _ in points.values()])
        edge = [points[r] for r in best]
        axes.step(*zip(*edge, strict=True), where="post", color=ACCENT, linewidth=1.2, alpha=0.6)
        for recipe, (x, y) in points.items():
            hollow = {} if recipe in best else {"markerfacecolor": "none", "markeredgewidth": 1.6}
            axes.plot(x, y, linestyle="", **(named.marker(recipe) | hollow))
        axes.margins(0.12, 0.1)
        axes.set_xlabel(labels[0])
        _name_upright(axes, labels[1])
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.autoscale_view()
        for label in _labels(axes, points, named, best):
            axes.annotate(label.text, label.at, label.offset, textcoords="offset points",
                          ha=label.align, va="center", color=INK)  # fmt: skip
    return draft.svg


def curves(name: str, lines: Sequence[tuple[str, Curve]], label: str) -> str:
    """Values by step; of several seeds thin lines, each kind named at its end.

    Args:
        name: Of the chart, for its ids.
        lines: What tells a kind of curve from the others (`train`, `dev`), and its points.
        label: What is shown; the heading says it whole, the upright axis its unit where short.
    """
    kinds = list(dict.fromkeys(kind for kind, _ in lines))
    with drawing(name, 256, MARGINS) as draft:
        axes = draft.axes
        for kind, curve in reversed(lines):
            style = dict(_KINDS.get(kind, PLAIN))
            style["linewidth"] = 1.8 if len(lines) == len(kinds) else 1.0
            style |= {"marker": "o", "markersize": 5} if len(curve) == 1 else {}
            steps, values = zip(*_thinned(curve), strict=True)
            axes.plot(steps, values, **style)
        axes.margins(0.09, 0.1)
        axes.set_xlabel("step")
        unit = label.rpartition(", ")[2] if ", " in label else ""
        _name_upright(axes, unit if len(unit) <= MAX_UNIT else "")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.autoscale_view()
        _name_ends(axes, {kind: curve[-1] for kind, curve in lines if kind})
    return draft.svg


def _name_upright(axes: Axes, label: str) -> None:
    """Above the axis, from the drawing's edge: beside it, long numbers would push it out."""
    axes.annotate(label, (0, 1), (2 - MARGINS[0], 10), xycoords="axes fraction",
                  textcoords="offset points", va="center", color=MUTED)  # fmt: skip
    axes.yaxis.set_offset_position("right")  # a power of ten that all numbers share


def _name_ends(axes: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """Names beside the ends of curves, from below, each at least a line above the one before."""
    heights = {kind: float(axes.transData.transform(end)[1]) for kind, end in ends.items()}
    floor = -math.inf
    for kind in sorted(ends, key=lambda kind: heights[kind]):
        floor = max(heights[kind], floor + LINE)
        offset, color = (4, floor - heights[kind]), _KINDS.get(kind, PLAIN)["color"]
        axes.annotate(kind, ends[kind], offset, textcoords="offset points",
                      va="center", color=color)  # fmt: skip


def _thinned(curve: Curve) -> Curve:
    """At most so many points that a chart can show, the last among them."""
    step = -(-len(curve) // MAX_POINTS)
    return curve if step == 1 else (*curve[:-1:step], curve[-1])


def _scale(axes: Axes, prices: Sequence[float]) -> None:
    least, most = min(prices), max(prices)
    if least > 0 and most / least >= LOG_FROM:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def _labels(
    axes: Axes, points: Mapping[str, tuple[float, float]], named: Named, best: Sequence[str]
) -> list[Label]:
    """Names where there is room, the most wanted first; numbers elsewhere."""
    wanted = sorted(points, key=lambda r: (r not in {named.pick, named.base}, r not in best))
    pixels = {r: tuple(axes.transData.transform(points[r])) for r in points}
    texts = {r: (r, str(named.numbers[r])) for r in wanted}
    left, bottom, right, top = axes.get_window_extent().extents
    placed = place_labels(texts, pixels, (left, bottom, right, top))
    return [
        Label(text, points[recipe], offset, align)
        for recipe, (text, offset, align) in placed.items()
    ]
