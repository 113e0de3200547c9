"""The front: what nothing else beats on both counts."""

from collections.abc import Mapping


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names of the points that no other is both cheaper and better than, cheapest first.

    Args:
        points: Name → (what it costs, what it gives); less of the first, more of the second.
    """
    kept: list[str] = []
    for name in sorted(points, key=lambda n: (points[n][0], -points[n][1])):
        if not kept or points[name][1] > points[kept[-1]][1]:
            kept.append(name)
    return kept
