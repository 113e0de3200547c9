"""Draw docs/architecture.svg, the rooms of the package by layer, from the code alone."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "acclimate"
PICTURE = Path(__file__).with_name("architecture.svg")

WIDTH, MARGIN, GAP = 1120, 20, 14
ROOM_HEIGHT, LAYER_GAP, LINE = 62, 40, 15
CHARACTER_WIDTH = 6.1
"""Of the small text, so that a sentence can be broken where it leaves its box."""


def layers() -> list[list[str]]:
    """The rooms of each layer, top to bottom, that exist: what import-linter enforces."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (c for c in config["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    named = [[room.strip(" ()") for room in layer.split("|")] for layer in contract["layers"]]
    there = [[room for room in layer if (SOURCE / room).is_dir()] for layer in named]
    return [layer for layer in there if layer]


def imported(path: Path) -> Iterator[str]:
    """The rooms that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "acclimate" and rest:
                yield rest.partition(".")[0]


def arrows(rooms: list[str]) -> dict[str, set[str]]:
    """Which rooms each room imports from."""
    return {
        room: {other for path in (SOURCE / room).rglob("*.py") for other in imported(path)} - {room}
        for room in rooms
    }


def without_detours(uses: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that no longer way stands for (transitive reduction; there are no circles)."""

    def reached(room: str) -> set[str]:
        return set().union(*({other} | reached(other) for other in uses[room]))

    return {
        room: {o for o in others if not any(o in reached(p) for p in others - {o})}
        for room, others in uses.items()
    }


def summary(room: str) -> str:
    """The first line of a room's `__init__`."""
    return (SOURCE / room / "__init__.py").read_text(encoding="utf-8").split('"""')[1].strip()


def places(rows: list[list[str]]) -> dict[str, tuple[float, float, float]]:
    """Left edge, top and width of each room's box."""
    boxes = {}
    for number, row in enumerate(rows):
        width = (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        width = min(width, 520)
        left = (WIDTH - width * len(row) - GAP * (len(row) - 1)) / 2
        top = MARGIN + number * (ROOM_HEIGHT + LAYER_GAP)
        for column, room in enumerate(row):
            boxes[room] = (left + column * (width + GAP), top, width)
    return boxes


def broken(text: str, width: float) -> list[str]:
    """A sentence in lines that fit a box."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) * CHARACTER_WIDTH > width - 16 and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def box(room: str, left: float, top: float, width: float) -> Iterator[str]:
    """A room: its name, its sentence and how many files it has."""
    num_files = len([p for p in (SOURCE / room).rglob("*.py") if p.name != "__init__.py"])
    yield f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{ROOM_HEIGHT}" rx="6"/>'
    yield f'<text class="room" x="{left + 8:.0f}" y="{top + 18}">{room}/</text>'
    yield f'<text class="count" x="{left + width - 8:.0f}" y="{top + 18}">{num_files}</text>'
    for number, line in enumerate(broken(summary(room).rstrip("."), width)[:2]):
        y = top + 36 + number * LINE
        yield f'<text x="{left + 8:.0f}" y="{y}">{escape(line)}</text>'


def arrow(begin: tuple[float, float, float], end: tuple[float, float, float], share: float) -> str:
    """A curve from the lower edge of a box to the upper edge of one below it."""
    x, y = begin[0] + begin[2] * share, begin[1] + ROOM_HEIGHT
    to_x, to_y = end[0] + end[2] / 2, end[1] - 3
    middle = (y + to_y) / 2
    return (
        f'<path d="M{x:.0f} {y} C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y}"/>'
    )


STYLE = """
svg { font: 11px ui-sans-serif, system-ui, sans-serif; background: #fff; }
rect { fill: #f4f6fb; stroke: #7486b5; } text { fill: #333; }
.room { font-weight: 700; font-size: 13px; fill: #1d2f5f; }
.count { text-anchor: end; fill: #667; } path { fill: none; stroke: #8794b8; stroke-width: 1.1;
marker-end: url(#tip); opacity: .8; } marker path { fill: #8794b8; stroke: none; }
"""


def picture() -> str:
    """The whole drawing."""
    rows = layers()
    rooms = [room for row in rows for room in row]
    boxes, uses = places(rows), without_detours(arrows(rooms))
    height = 2 * MARGIN + len(rows) * (ROOM_HEIGHT + LAYER_GAP) - LAYER_GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>The rooms of acclimate by layer; arrows are imports, and point down</title>",
        f"<style>{STYLE}</style>",
        '<marker id="tip" markerWidth="7" markerHeight="7" refX="5" refY="3" orient="auto">'
        '<path d="M0 0 L6 3 L0 6 z"/></marker>',
    ]
    for room in rooms:
        others = sorted(uses[room], key=lambda other: boxes[other][:2])
        for number, other in enumerate(others):
            parts.append(arrow(boxes[room], boxes[other], (number + 1) / (len(others) + 1)))
    for room in rooms:
        parts += box(room, *boxes[room])
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
