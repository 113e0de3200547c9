"""Texts of any size in parts: nothing lost, cut where it hurts least."""

import io
from pathlib import Path

import pytest

from acclimate.core.errors import DataError
from acclimate.data.corpus import text_blocks as blocks
from acclimate.data.corpus.text_blocks import cut_blocks, decode_bytes, read_blocks


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(blocks, "MAX_PART_CHARS", 100)


def read(content, head=b""):
    return list(read_blocks(Path("a.txt"), io.BytesIO(content), head))


TEXTS = {
    "short": "a line\n",
    "paragraphs": "a paragraph of some words\nin two lines\n\n" * 30,
    "one line": "word " * 200,
    "no space": "ab" * 300,
    "wide": "文字" * 300,
    "mixed": "naïve 文字 — “x”\r\n" * 60,
    "empty": "",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_parts_make_the_whole_again(text, encoding):
    parts = read(text.encode(encoding))
    assert "".join(parts) == text
    assert all(0 < len(part) <= 100 for part in parts)


def test_what_was_read_before_comes_first():
    assert read(b"and the rest", b"head\n") == ["head\nand the rest"]


def test_cuts_fall_between_paragraphs_else_lines_else_words():
    for text, end in [("x" * 60 + "\n\ny\n" + "z" * 60, "x\n\n"), ("x " * 80, "x ")]:
        first, *_ = cut_blocks(text)
        assert first.endswith(end)
    assert [len(part) for part in cut_blocks("x" * 250)] == [100, 100, 50]


def test_other_encodings_are_guessed_a_line_at_a_time():
    assert decode_bytes("café\n".encode("latin-1") + "naïve “x”\n".encode()) == "café\nnaïve “x”\n"
    assert decode_bytes("“x”".encode("windows-1252")) == "“x”"


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\0\0\0\rIHDR", b"%PDF-1.7\n%more"])
def test_a_binary_file_is_refused(content):
    with pytest.raises(DataError, match=r"a\.txt: is no text .*; take it out, or convert it"):
        read(content)
