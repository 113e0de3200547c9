"""Docstrings of installed third-party packages, read and never imported."""

import ast
import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import metadata
from inspect import cleandoc
from pathlib import Path

_LITERALS = re.compile(
    r'#[^\n]*|[A-Za-z]{0,2}(?:"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\')'
    r'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL,
)
"""Comments and strings in the order they stand, so that neither is taken for the other.

Parsing whole files with `ast` finds the same docstrings at a tenth of the speed.
"""
_HEAD = re.compile(r"\ufeff?(?:[ \t]*(?:#[^\n]*)?\n)*")
_SHARE = 5
"""One distribution gives at most a fifth of the bytes: variety is what the text is for."""
_SKIPPED = re.compile(r"(^|/)(tests?|testing|_?vendor(ed)?|benchmarks?)/|(^|/)(test_|conftest)")


def installed_docstrings(
    exclude: Iterable[str] = (), *, max_bytes: int = 8_000_000
) -> Iterator[str]:
    """Distinct docstrings of installed distributions, in an order fixed by their files' names.

    Args:
        exclude: Import names of packages to leave out, as `pandas`; this package always is.
        max_bytes: Stop after about this many UTF-8 bytes.

    Yields:
        Docstrings of at least four words without their common indentation.
    """
    left_out = {"acclimate", *exclude}
    seen: set[bytes] = set()
    given: Counter[str] = Counter()
    for owner, path in _source_files(left_out):
        if given[owner] >= max_bytes // _SHARE:
            continue
        for text in docstrings_of(_read(path)):
            mark = hashlib.sha256(text.encode("utf-8", "replace")).digest()
            if mark in seen or len(text.split(maxsplit=3)) < 4:
                continue
            seen.add(mark)
            given[owner] += len(text.encode("utf-8", "replace"))
            yield text
        if given.total() >= max_bytes:
            return


def docstrings_of(source: str) -> Iterator[str]:
    """The triple-quoted docstrings in Python source, top to bottom, without indentation."""
    if '"""' not in source and "'''" not in source:
        return
    head = _HEAD.match(source)
    top = head.end() if head else 0
    for match in _LITERALS.finditer(source):
        literal = match.group()
        if not literal.endswith(('"""', "'''")):
            continue
        if match.start() == top or _opens_a_block(source, match.start()):
            text = _value(literal)
            if text:
                yield cleandoc(text)


def _opens_a_block(source: str, start: int) -> bool:
    """Whether the string stands alone on its line, below a line that ends in `:`."""
    line = source.rfind("\n", 0, start)
    if line < 0 or source[line + 1 : start].strip():
        return False
    before = source[max(0, line - 400) : line].rstrip()
    last = before[before.rfind("\n") + 1 :]
    return last.partition(" #")[0].rstrip().endswith(":") and not last.lstrip().startswith("#")


def _value(literal: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stray backslashes in others' docstrings
        try:
            value = ast.literal_eval(literal)
        except (SyntaxError, ValueError):
            return ""
    return value if isinstance(value, str) else ""


def _source_files(left_out: set[str]) -> list[tuple[str, Path]]:
    sources: dict[str, tuple[str, Path]] = {}
    for distribution in metadata.distributions():
        owner = str(distribution.metadata["Name"]).lower()
        for file in distribution.files or ():
            name = file.as_posix()
            if file.suffix == ".py" and file.parts[0] not in left_out and not _SKIPPED.search(name):
                sources[name] = (owner, Path(str(file.locate())))
    return [sources[name] for name in sorted(sources, key=_shuffled)]


def _shuffled(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
