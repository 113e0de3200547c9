"""Lines come decoded, and bytes that are not UTF-8 are named."""

import pytest

from acclimate.core.errors import DataError
from acclimate.data.tables.text_lines import line_location, text_lines


def test_line_ends_and_byte_order_mark(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffä b\r\nc\u2028d\nlast".encode())
    assert list(text_lines(path)) == ["ä b\r\n", "c\u2028d\n", "last"]


def test_wrong_byte_is_located_and_the_mend_runs(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"item,answer\n1,caf\xe9\n")
    with pytest.raises(DataError, match=r"line 2: byte 6 of the line \(0xe9\)") as caught:
        list(text_lines(path))
    assert "iconv -f WINDOWS-1252 -t UTF-8 a.csv > utf8-a.csv" in str(caught.value)


def test_utf16_is_recognised(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("item,answer\n", encoding="utf-16")
    with pytest.raises(DataError, match=r"line 1: byte 1 .*iconv -f UTF-16"):
        list(text_lines(path))


def test_place_counts_rows_where_there_are_no_lines():
    assert line_location("a.jsonl", 3) == "a.jsonl, line 3"
    assert line_location("a.parquet", 3) == "a.parquet, row 3"
