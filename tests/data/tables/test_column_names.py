"""Columns go by many names; cells hold numbers, words or nothing."""

import pytest

from acclimate.data.tables.column_names import ITEM, as_id, as_number, find_column


def test_the_first_name_wins_whatever_the_case():
    assert find_column(["ID", " Item ", "score"], ITEM) == " Item "
    assert find_column(["score", "Id"], ITEM) == "Id"
    assert find_column(["score"], ITEM) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [("0.5", 0.5), (" 1 ", 1.0), (3, 3.0), (True, 1.0), ("False", 0.0), ("-1e-3", -0.001)],
)
def test_numbers(value, number):
    assert as_number(value) == number


@pytest.mark.parametrize("value", ["", " ", None, "NaN", "n/a", float("nan"), "null"])
def test_nothing(value):
    assert as_number(value) is None


@pytest.mark.parametrize("value", ["0,5", "yes", "inf", float("-inf"), [1], "1.2.3"])
def test_neither(value):
    with pytest.raises(ValueError, match="not a"):
        as_number(value)


def test_ids_are_text():
    assert [as_id(7), as_id(" a "), as_id(None)] == ["7", "a", ""]
