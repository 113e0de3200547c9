"""The front: what nothing else beats on both counts."""

from collections.abc import Mapping


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names of the points that no other is both cheaper and better than, cheapest first.

    Args:
        points: Name → (what it costs, what it gives); less of the first, more of the second.
    """
    best: list[str] = []
    for name in sorted(points, key=lambda n: (points[n][0], -points[n][1])):
        if not best or points[name][1] > points[best[-1]][1]:
            best.append(name)
    return best
