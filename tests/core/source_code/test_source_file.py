"""A file's digest is that of its code; it is parsed once."""

import json

import pytest

from acclimate.core.source_code import source_file
from acclimate.core.source_code.source_file import ParsedFiles, parse

CODE = b'''"""What it is for."""
import a.b  # why
from c import d as e

RATE = 0.5
"""Peak."""


def f(x: int = 3) -> str:
    """Say it."""
    from g.h import i

    return f"{x + RATE} {i!r:>4}"
'''


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"  # why", b""),
        (b"# why", b"# for another reason"),
        (b"What it is for.", b"Another first line."),
        (b'"""Peak."""', b'"""The peak, which is high."""'),
        (b'"""Peak."""\n', b""),
        (b'    """Say it."""\n', b""),
        (b"(x: int = 3)", b"(\n    x: int = 3,\n)"),
        (b"x + RATE", b"(x + RATE)"),
        (b"\n\n\n", b"\n"),
        (b"0.5", b"0.50"),
    ],
)
def test_comments_layout_and_bare_strings_are_no_code(before, after):
    assert before in CODE
    assert parse(CODE.replace(before, after)) == parse(CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"0.5", b"0.6"),
        (b"x + RATE", b"RATE + x"),
        (b"x + RATE", b"x - RATE"),
        (b"= 3", b"= 3.0"),
        (b"= 3", b"= True"),
        (b"= 3", b"= '3'"),
        (b"!r:>4", b"!r:>5"),
        (b"!r", b"!s"),
        (b"d as e", b"d as x"),
        (b"RATE = 0.5", b"RATE: float = 0.5"),
        (b"def f", b"async def f"),
        (b'"""Peak."""', b'NOTE = """Peak."""'),
    ],
)
def test_everything_else_is(before, after):
    assert before in CODE
    assert parse(CODE.replace(before, after)).digest != parse(CODE).digest


def test_every_import_is_met_but_those_of_type_checkers():
    found = parse(
        CODE + b"from . import beside\n"
        b"from ..up.there import x, y\n"
        b"if TYPE_CHECKING:\n    import only.typed\nelse:\n    import when.run\n"
        b"if typing.TYPE_CHECKING:\n    from only import typed\n"
        b"try:\n    import first\nexcept ImportError:\n    import second\n"
    ).imports
    assert set(found) == {
        *("a.b", "c:d", "g.h:i", ".:beside", "..up.there:x", "..up.there:y"),
        *("when.run", "first", "second"),
    }


def test_a_module_that_a_string_names_is_met_too():
    assert parse(b'run("from pack.walk import main; main(x)")').imports == ("~pack.walk",)
    assert parse(b'KIND = "pack.walk:Name"').imports == ()
    assert parse(b'"""See pack.walk."""').imports == ()


def test_what_is_no_python_counts_by_its_bytes():
    assert parse(b"def (").digest != parse(b"def ((").digest
    assert parse(b"x = 1\0").digest
    assert parse(b"x = " + b"-" * 20_000 + b"1").digest


def count_parses(monkeypatch):
    seen = []
    real = source_file.parse
    monkeypatch.setattr(source_file, "parse", lambda s: seen.append(s) or real(s))
    return seen


def test_a_file_is_parsed_once_for_all_processes(monkeypatch):
    seen = count_parses(monkeypatch)
    first = ParsedFiles()
    assert first.of(CODE) == first.of(CODE) == parse(CODE)
    first.remember()
    seen.clear()
    assert ParsedFiles().of(CODE) == first.of(CODE)
    assert seen == []
    assert ParsedFiles().of(CODE + b"#") == first.of(CODE)
    assert len(seen) == 1


def test_what_two_processes_parsed_is_remembered(monkeypatch):
    one, other = ParsedFiles(), ParsedFiles()
    one.of(b"x = 1")
    other.of(b"x = 2")
    one.remember()
    other.remember()
    seen = count_parses(monkeypatch)
    third = ParsedFiles()
    third.of(b"x = 1")
    third.of(b"x = 2")
    assert seen == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": "other", "files": {}}', '{"files": 3}', "damaged"]
)
def test_a_damaged_memory_is_no_harm(text, own_store):
    own_store.mkdir()
    if text == "damaged":
        text = json.dumps({"format": source_file._format(), "files": {"a": 3}})
    source_file._remembered().write_text(text)
    files = ParsedFiles()
    assert files.of(CODE) == parse(CODE)
    files.remember()
    assert json.loads(source_file._remembered().read_text())["files"]


def test_nor_is_one_that_cannot_be_written(own_store):
    own_store.write_text("a file where the folder would be")
    files = ParsedFiles()
    files.of(CODE)
    files.remember()
    assert files.of(CODE) == parse(CODE)
    assert own_store.is_file()


def test_nothing_is_left_beside_it(own_store):
    files = ParsedFiles()
    files.of(CODE)
    files.remember()
    assert [path.name for path in own_store.iterdir()] == ["parsed_files.json"]
