"""Documents out of every kind of file, and what happens to bad ones."""

import gzip
import json
import lzma

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from acclimate.core.errors import DataError
from acclimate.data.corpus import read_documents as reading
from acclimate.data.corpus.read_documents import RawDocument, Unread, read_source
from acclimate.data.corpus.sources import find_sources


def read(path, **how):
    [source] = find_sources([path])
    return list(read_source(source, lambda _: None, **how))


def jsonl(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_rows_have_ids_titles_and_places(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        jsonl({"id": 7, "text": "one"}, {"text": "two"}) + "\n" + jsonl(
            {"id": "x", "title": "Head", "text": "three"}, {"title": "Four", "text": "Four more"}
        )
    )  # fmt: skip
    found = read(path)
    assert [(d.id, d.text) for d in found] == [
        ("7", "one"), ("a.jsonl:2", "two"), ("x", "Head\n\nthree"), ("a.jsonl:5", "Four more"),
    ]  # fmt: skip
    assert found[1].place == f"{path}, line 2"
    assert {d.kind for d in found} == {"plain"}


def test_a_bad_row_is_named_and_the_next_is_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "one"}\n{"text": \n[1]\n{"body": "x"}\n{"text": 5}\n{"text": "two"}\n'
    )
    found = read(path)
    assert [d.text for d in found if isinstance(d, RawDocument)] == ["one", "two"]
    bad = [d for d in found if isinstance(d, Unread)]
    assert [d.id for d in bad] == ["a.jsonl:2", "a.jsonl:3", "a.jsonl:4", "a.jsonl:5"]
    assert not any(d.is_file for d in bad)
    assert "malformed JSON" in bad[0].reason
    assert bad[2].reason == f"{path}, line 4: 'text' must be a string; its columns are body"
    with pytest.raises(DataError, match=r"a\.jsonl, line 2, column 9: malformed JSON"):
        read(path, is_strict=True)


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ROW_BYTES", 1000)
    path = tmp_path / "a.jsonl"
    path.write_text(jsonl({"text": "one"}, {"text": "x" * 2000}))
    first, second = read(path)
    assert first.text == "one"
    assert second.is_file
    assert "line 2: is longer than" in second.reason


def test_json_is_jsonl_or_text(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(jsonl({"text": "one"}, {"text": "two"}))
    assert [d.text for d in read(path)] == ["one", "two"]
    path.write_text('{\n  "key": [1, 2]\n}\n')
    assert [d.text for d in read(path)] == ['{\n  "key": [1, 2]\n}\n']


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    table = {"text": ["one", None, "three"], "id": [1, 2, 3], "url": ["u"] * 3}
    parquet.write_table(pa.table(table), path)
    first, second, third = read(path)
    assert (first.id, first.text, third.id, third.text) == ("1", "one", "3", "three")
    assert second.reason.startswith(f"{path}, row 2: 'text' must be a string")
    parquet.write_table(pa.table({"url": ["u"]}), path)
    assert read(path)[0].reason == f"{path}: has no column 'text'; its columns are url"


def test_pages_markdown_and_code(tmp_path):
    for name, kind in [("a.html", "page"), ("b.md", "markdown"), ("c.py", "plain")]:
        (tmp_path / name).write_text("some text")
        [found] = read(tmp_path / name)
        assert found == RawDocument(name, name, str(tmp_path / name), kind, "some text")


def test_a_long_text_comes_in_parts_of_one_origin(tmp_path, monkeypatch):
    monkeypatch.setattr("acclimate.data.corpus.text_blocks.MAX_PART_CHARS", 50)
    (tmp_path / "a.txt").write_text("word " * 25)
    found = read(tmp_path / "a.txt")
    assert [d.id for d in found] == ["a.txt", "a.txt#2", "a.txt#3"]
    assert {d.origin for d in found} == {"a.txt"}
    (tmp_path / "b.jsonl").write_text(jsonl({"id": "r", "text": "word " * 15}))
    assert [(d.id, d.origin) for d in read(tmp_path / "b.jsonl")] == [("r", "r"), ("r#2", "r")]


ROWS = jsonl(*({"text": f"document {n} " * 50} for n in range(500))).encode()
PACKED = {
    ".gz": gzip.compress(ROWS),
    ".xz": lzma.compress(ROWS),
    ".zst": zstandard.ZstdCompressor().compress(ROWS),
}


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("damage", ["cut off", "another file"])
def test_a_damaged_file_is_named(tmp_path, ending, damage):
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(PACKED[ending][:-9] if damage == "cut off" else b"nothing of the kind" * 99)
    *_, last = read(path)
    assert last.is_file
    assert last.reason.startswith(f"{path}: cannot be read (")
    with pytest.raises(DataError, match="cannot be read"):
        read(path, is_strict=True)


def test_files_that_cannot_be_opened_or_parsed_are_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "gone.txt").write_text("x")
    sources = find_sources([tmp_path])
    (tmp_path / "gone.txt").unlink()
    found = [d for s in sources for d in read_source(s, lambda _: None)]
    assert [d.id.split("/")[1] for d in found] == ["a.parquet", "gone.txt"]
    assert "No such file" in found[1].reason


def test_a_page_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_PAGE_BYTES", 10)
    (tmp_path / "a.html").write_text("<p>more than ten bytes")
    [found] = read(tmp_path / "a.html")
    assert "too long for one page" in found.reason
