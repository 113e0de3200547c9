"""Rows of every format, with line numbers, and every way they can be malformed."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from acclimate.core.errors import DataError
from acclimate.data.tables.read_rows import read_rows


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "item,answer\n1,yes\n2,no\n"),
        ("a.csv", "\ufeffitem;answer\r\n1;yes\r\n2;no"),
        ("a.TSV", "item\tanswer\n1\tyes\n2\tno\n"),
        ("a.jsonl", '{"item": "1", "answer": "yes"}\n{"item": "2", "answer": "no"}\n'),
        ("a.json", '{"item": "1", "answer": "yes"}\n{"item": "2", "answer": "no"}\n'),
    ],
)
def test_same_rows_from_every_text_format(tmp_path, name, content):
    rows = [{"item": "1", "answer": "yes"}, {"item": "2", "answer": "no"}]
    first = 2 if name.lower() in {"a.csv", "a.tsv"} else 1
    assert list(read_rows(written(tmp_path, name, content))) == list(enumerate(rows, start=first))


def test_parquet_keeps_types(tmp_path):
    parquet.write_table(pa.table({"item": [1, 2], "score": [0.5, None]}), tmp_path / "a.parquet")
    rows = list(read_rows(tmp_path / "a.parquet"))
    assert rows == [(1, {"item": 1, "score": 0.5}), (2, {"item": 2, "score": None})]


def test_json_list_counts_its_objects(tmp_path):
    path = written(tmp_path, "a.json", '[\n {"a": 1},\n\n {"a": [2]}\n]')
    assert list(read_rows(path)) == [(1, {"a": 1}), (2, {"a": [2]})]


def test_line_is_where_the_row_begins(tmp_path):
    path = written(tmp_path, "a.csv", 'item,answer\n\n1,"two\nlines, ""quoted"""\n2,no\n')
    assert list(read_rows(path)) == [
        (3, {"item": "1", "answer": 'two\nlines, "quoted"'}),
        (5, {"item": "2", "answer": "no"}),
    ]


def test_blank_json_lines_are_skipped_but_counted(tmp_path):
    path = written(tmp_path, "a.jsonl", '\n{"a": 1}\n\n{"a": 2}\n')
    assert [line for line, _ in read_rows(path)] == [2, 4]


def test_long_fields_are_read(tmp_path):
    path = written(tmp_path, "a.csv", f"item,answer\n1,{'x' * 200_000}\n")
    assert len(next(read_rows(path))[1]["answer"]) == 200_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "item,answer\n", "is empty"),
        ("a.jsonl", "\n\n", "is empty"),
        ("a.json", "[]", "is empty"),
        ("a.csv", "a,a\n1,2\n", "line 1: the header names 'a' twice"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", r"line 3: has 3 fields where the header has 2 \(a, b\)"),
        ("a.csv", 'a,b\n1,2\n1,"2\n', "line 3: malformed CSV"),
        ("a.jsonl", '{"a": 1}\n{"a": }\n', "line 2, column 7: malformed JSON"),
        ("a.jsonl", '{"a": 1\n', "line 1, column 8: malformed JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', r"line 2: must be a JSON object {…}, got \[1\]"),
        ("a.jsonl", '{"a": "\\ud83d"}\n', "line 1: has half a character"),
        ("a.jsonl", '{"a": ' + "[" * 100_000 + "\n", "line 1: is nested too deeply"),
        ("a.json", '[\n{"a": 1},\n{"a" 2}]', "line 3, column 6: malformed JSON"),
        ("a.json", "[1]", "row 1: must be a JSON object"),
        ("a.parquet", "PAR1 not really", "is not a readable Parquet file"),
        ("a.xlsx", "x", r"unknown format '\.xlsx'; a table ends in \.csv"),
    ],
)
def test_malformed_tables_are_refused(tmp_path, name, content, message):
    path = written(tmp_path, name, content)
    with pytest.raises(DataError, match=message) as caught:
        list(read_rows(path))
    assert str(path) in str(caught.value)


def test_missing_file_is_refused_at_once(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_rows(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_rows(tmp_path)


def test_rows_before_the_malformed_one_are_given(tmp_path):
    rows = read_rows(written(tmp_path, "a.jsonl", '{"a": 1}\noops\n'))
    assert next(rows) == (1, {"a": 1})
