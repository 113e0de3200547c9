"""A figure as SVG inside a page: its text stays text, its colours are the page's."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 430.0
"""Of every chart, CSS pixels: full width on a phone, half of a desk's page."""
INK, MUTED, GRID, ACCENT, WARM = "#1b1f24", "#5c6570", "#d8dde3", "#0b5cad", "#b34700"
"""The page's colours in light mode; the style sheet has those of dark mode."""
_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", ACCENT: "accent", WARM: "warm"}

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "acclimate",
    "text.parse_math": False,  # a recipe may be called $x$
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "font.size": 11.0,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
}


class SvgDrawing:
    """A chart while it is drawn (`axes`) and when it is done (`svg`)."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def drawing(name: str, height: float, margins: tuple[float, float, float]) -> Iterator[SvgDrawing]:
    """Draw on `axes` while open; `svg` is there when it closes.

    Args:
        name: Prefix of every id in the drawing, so that several stand in one page.
        height: CSS pixels.
        margins: Left of the axes, below and above them, CSS pixels.
    """
    left, bottom, top = margins
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reader's font has the signs that ours may lack
        figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        figure.subplots_adjust(
            left=left / WIDTH, right=1 - 14 / WIDTH, bottom=bottom / height, top=1 - top / height
        )
        draft = SvgDrawing(figure.add_subplot())
        yield draft
        buffer = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    draft.svg = _embeddable(buffer.getvalue(), name)


def _embeddable(svg: str, name: str) -> str:
    """Drop the file's header and fixed size, make ids unique, and take the page's colours."""
    svg = svg[svg.index("<svg") :]
    box = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg class="chart" aria-hidden="true" {box.group() if box else ""}'
    svg = head + svg[svg.index(">") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'xlink:href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    svg = re.sub(r"font: [^;\"]*?(\d+(?:\.\d+)?px)[^;\"]*", r"font-size: \1", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return svg
