"""Names beside points, none over another: the first free place of a short list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right", "center"]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top, pixels."""

CHARACTER, LINE, DOT = 6.0, 12.0, 5.0
"""Width of a character, height of a line and half a point, pixels, at the charts' font size."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text at an offset from a point."""

    text: str
    at: tuple[float, float]
    offset: tuple[float, float]
    align: Align


PlacedLabel = tuple[str, tuple[float, float], Align]


def place_labels(
    texts: Mapping[str, tuple[str, str]], pixels: Mapping[str, tuple[float, ...]], frame: Box
) -> dict[str, PlacedLabel]:
    """Give each point the longest of its texts that fits, wanted points first.

    Args:
        texts: Point → its name and what stands in for it (a number).
        pixels: Point → where it is.
        frame: What no label may leave.
    """
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in pixels.values()]
    placed: dict[str, PlacedLabel] = {}
    for point, choices in texts.items():
        places = [(c, *spot) for c in choices for spot in _spots(c, pixels[point])]
        free = (p for p in places if _fits(p[3], taken, frame))
        text, offset, align, box = next(free, places[-1])
        taken.append(box)
        placed[point] = (text, offset, align)
    return placed


def _spots(
    text: str, anchor: tuple[float, ...]
) -> Iterator[tuple[tuple[float, float], Align, Box]]:
    """Offsets round a point, nearest first, each with the box the text would fill."""
    width = CHARACTER * len(text)
    for far in (9.0, 16.0, 24.0):
        for dx, dy in ((far, 0.0), (-far, 0.0), (0.0, far), (0.0, -far), (6.0, far), (6.0, -far),
                       (-6.0, far), (-6.0, -far)):  # fmt: skip
            align: Align = "left" if dx > 0 else "right" if dx < 0 else "center"
            left = {"left": 0.0, "right": -width, "center": -width / 2}[align]
            x, y = anchor[0] + dx + left, anchor[1] + dy
            yield (dx, dy), align, (x, y - LINE / 2, x + width, y + LINE / 2)


def _fits(box: Box, taken: list[Box], frame: Box) -> bool:
    inside = box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]
    return inside and not any(
        box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
    )
