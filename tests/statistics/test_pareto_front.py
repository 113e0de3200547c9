"""The front of hand-placed points, and its definition on random ones."""

from hypothesis import given
from hypothesis import strategies as st

from acclimate.statistics.pareto_front import front


def test_dominated_points_are_left_out() -> None:
    points = {"cheap": (1.0, 0.5), "bad": (2.0, 0.4), "good": (3.0, 0.9), "dear": (4.0, 0.9)}
    assert front(points) == ["cheap", "good"]


def test_at_one_price_the_better() -> None:
    assert front({"a": (1.0, 0.5), "b": (1.0, 0.7)}) == ["b"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_on_the_front_is_what_nothing_beats(pairs: list[tuple[int, int]]) -> None:
    points = {str(at): (float(x), float(y)) for at, (x, y) in enumerate(pairs)}
    unbeaten = {
        p
        for p in points.values()
        if not any(q != p and q[0] <= p[0] and q[1] >= p[1] for q in points.values())
    }
    assert {points[name] for name in front(points)} == unbeaten
