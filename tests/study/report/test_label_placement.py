"""Labels keep clear of one another and of the frame."""

from itertools import combinations

from acclimate.study.report.label_placement import CHARACTER, LINE, PlacedLabel, place_labels

FRAME = (0.0, 0.0, 400.0, 300.0)


def _box(at: tuple[float, float], placed: PlacedLabel) -> tuple[float, float, float, float]:
    text, (dx, dy), align = placed
    width = CHARACTER * len(text)
    left = at[0] + dx - {"left": 0, "right": width, "center": width / 2}[align]
    return left, at[1] + dy - LINE / 2, left + width, at[1] + dy + LINE / 2


def test_a_lone_point_has_its_name_on_the_right() -> None:
    assert place_labels({"lora": ("lora", "1")}, {"lora": (100.0, 100.0)}, FRAME) == {
        "lora": ("lora", (9.0, 0.0), "left")
    }


def test_at_the_right_edge_the_name_goes_left() -> None:
    placed = place_labels({"lora": ("lora", "1")}, {"lora": (395.0, 100.0)}, FRAME)
    assert placed["lora"] == ("lora", (-9.0, 0.0), "right")


def test_a_name_that_fits_nowhere_becomes_a_number() -> None:
    placed = place_labels({"a": ("a" * 80, "7")}, {"a": (200.0, 100.0)}, FRAME)
    assert placed["a"][0] == "7"


def test_crowded_labels_do_not_overlap() -> None:
    pixels = {f"recipe {i}": (150.0 + 9 * i, 120.0 + 7 * (i % 3)) for i in range(8)}
    placed = place_labels({n: (n, n[-1]) for n in pixels}, pixels, FRAME)
    boxes = [_box(pixels[n], placed[n]) for n in pixels]
    for a, b in combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
