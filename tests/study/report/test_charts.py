"""Charts are SVG that can stand inside a page."""

import re
from xml.etree import ElementTree

import pytest

from acclimate.study.report.charts import MAX_POINTS, Named, curves, fronts, intervals

NAMED = Named({"a": 1, "base": 2, "<b> & $x_1$ 猫": 3}, pick="a", base="base")
ROWS = [("a", 0.7, 0.6, 0.8), ("base", 0.5, 0.4, 0.6), ("<b> & $x_1$ 猫", 0.4, 0.3, 0.5)]
POINTS = {"a": (3.0, 0.7), "base": (1.0, 0.5), "<b> & $x_1$ 猫": (2.0, 0.4)}


@pytest.fixture(params=["dots", "front"])
def svg(request: pytest.FixtureRequest) -> str:
    if request.param == "dots":
        return intervals("dots", ROWS, NAMED, ("quality", 0.5))
    return fronts("front", POINTS, NAMED, ("USD", "quality"))


def test_names_are_text_and_escaped(svg: str) -> None:
    texts = ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.text]
    assert any("<b> & $x_1$ 猫" in text for text in texts)
    assert "<b>" not in svg


def test_colours_are_the_pages(svg: str) -> None:
    assert "var(--accent)" in svg
    assert "var(--warm)" in svg
    assert "#0b5cad" not in svg


def test_ids_are_the_charts_own(svg: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert ids
    assert all(i.startswith(("dots-", "front-")) for i in ids)
    used = re.findall(r'href="#([^"]+)"', svg) + re.findall(r"url\(#([^)]+)\)", svg)
    assert used
    assert set(used) <= set(ids)


def test_it_scales_and_names_nothing_outside(svg: str) -> None:
    head = svg[: svg.index(">")]
    assert "viewBox=" in head
    assert "width=" not in head
    assert "http" not in svg


def test_dots_stand_in_the_order_of_the_rows() -> None:
    svg = intervals("dots", ROWS, NAMED, ("quality", None))
    texts = [element.text or "" for element in ElementTree.fromstring(svg).iter()]
    labels = [text for text in texts if text.startswith(("1 ", "2 ", "3 "))]
    assert [label.split()[0] for label in labels] == ["1", "2", "3"]


@pytest.mark.parametrize(("dearest", "is_log"), [(5.0, False), (5000.0, True)])
def test_wide_prices_are_on_a_log_axis(dearest: float, is_log: bool) -> None:
    svg = fronts("front", {"a": (dearest, 0.7), "base": (1.0, 0.5)}, NAMED, ("USD", "quality"))
    assert (">1,000<" in svg) == is_log


LOSSES = [
    ("train", ((1.0, 2.0), (2.0, 1.0))),
    ("train", ((1.0, 2.5), (2.0, 1.5))),
    ("dev", ((0.0, 3.0), (2.0, 1.2))),
]


def test_kinds_of_curves_are_named_once_and_told_apart_by_dashes() -> None:
    svg = curves("c", LOSSES, "loss, <nats>")
    texts = [element.text or "" for element in ElementTree.fromstring(svg).iter()]
    assert texts.count("train") == texts.count("dev") == 1
    assert "<nats>" in texts  # the heading says the rest
    assert svg.count("stroke-dasharray") == 2
    assert "var(--accent)" in svg


def test_a_unit_too_long_to_stand_upright_is_in_the_heading_alone() -> None:
    curve = [("", ((0.0, 1.0), (1.0, 2.0)))]
    assert ">spreads of the reward a nat<" not in curves(
        "c", curve, "x, spreads of the reward a nat"
    )
    assert ">mean reward<" not in curves("c", curve, "mean reward")


def test_long_curves_are_thinned_to_their_last_point_and_one_point_is_seen() -> None:
    long = tuple((float(i), float(i % 7)) for i in range(10_000))
    short = curves("c", [("", long[:MAX_POINTS])], "x")
    assert len(curves("c", [("", long)], "x")) < 2 * len(short)
    assert "<use" in curves("c", [("", ((3.0, 1.0),))], "x")


def test_names_of_curves_that_end_together_stand_apart() -> None:
    level = [("train", ((0.0, 3.0), (9.0, 1.0))), ("dev", ((0.0, 3.1), (9.0, 1.0)))]
    svg = curves("c", level, "loss")
    found = re.findall(r'y="([\d.]+)"[^>]*>(?:train|dev)<', svg)
    heights = sorted(map(float, found))
    assert len(heights) == 2
    assert heights[1] - heights[0] >= 11


@pytest.mark.parametrize(("start", "step"), [(0.7, 0.05), (0.72, 0.0002), (-12345.5, 1.0)])
def test_an_upright_axis_is_named_above_its_numbers(start: float, step: float) -> None:
    points = {name: (at + 1.0, start + at * step) for at, name in enumerate(NAMED.numbers)}
    line = tuple(points.values())
    for svg in (
        fronts("f", points, NAMED, ("USD", "quality")),
        curves("c", [("", line)], "x, quality"),
    ):
        assert "rotate(-90" not in svg
        found = re.findall(r'<text style="[^"]*anchor: (\w+)[^"]*" x="([\d.]+)" y="([\d.]+)"', svg)
        numbers = [float(y) for anchor, _, y in found if anchor == "end"]
        (name,) = re.findall(r'anchor: start[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>quality<', svg)
        assert 0 <= float(name[0]) < 10
        assert 11 <= float(name[1]) < min(numbers)


def test_numbers_are_whole_unless_they_share_a_power_of_ten() -> None:
    near = curves("c", [("", ((0.0, 12345.5), (1.0, 12347.5)))], "x")
    assert ">12346" in near
    huge = curves("c", [("", ((0.0, 0.0), (1.0, 4e7)))], "x, nats")
    (power,) = re.findall(r'x="([\d.]+)"[^>]*>1e7<', huge)
    assert float(power) > 215  # not over the axis's name
