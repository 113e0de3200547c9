"""What a Python file says: the digest of its code, and what it imports.

Comments, layout, docstrings and other bare strings are no part of the digest.
"""

import ast
import hashlib
import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acclimate.core.home import home

_MAX_REMEMBERED = 5000
"""Files: some ten versions of this package."""
_DOTTED = re.compile(r"\b[a-z_]\w*(?:\.\w+)+(?![\w:.])")
"""A module's name in a string, as code that is started in another process has it."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file's code."""

    digest: str
    """Of its syntax tree; of its bytes where it has none."""
    imports: tuple[str, ...] = ()
    """`a.b` for a module, `a.b:c` for a name of one that may be a module; dots lead in relative
    ones, `~` in what a string mentions. What is imported for type checkers alone is not there."""


def parse(source: bytes) -> SourceFile:
    """Digest the code of a file and list its imports, those inside functions too."""
    try:
        reading = _Reading()
        reading.node(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return SourceFile(_sha256(source)[:24])
    text = "\n".join(reading.written)
    return SourceFile(_sha256(text.encode("utf-8", "surrogatepass"))[:24], tuple(reading.imports))


class _Reading:
    """A syntax tree written out, node by node, without where anything stands."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.imports: dict[str, None] = {}
        self._is_run = True

    def node(self, node: ast.AST) -> None:
        """Write a node and all below it."""
        self.written.append(type(node).__name__)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and self._is_run:
            self.imports.update({f"~{name}": None for name in _DOTTED.findall(node.value)})
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            with self._unread():
                self._value(node.body)
            self._value(node.orelse)
            return
        for name in node._fields:
            self._value(getattr(node, name, None))

    def _value(self, value: Any) -> None:
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list):
            self.written.append("[")
            for item in value:
                if not _is_bare_string(item):
                    self._value(item)
            self.written.append("]")
        else:
            self.written.append(repr(value))

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if not self._is_run:
            return
        for alias in node.names:
            if isinstance(node, ast.Import):
                self.imports[alias.name] = None
            else:
                self.imports[f"{'.' * node.level}{node.module or ''}:{alias.name}"] = None

    @contextmanager
    def _unread(self) -> Iterator[None]:
        """Collect no imports meanwhile: only type checkers read them."""
        before, self._is_run = self._is_run, False
        yield
        self._is_run = before


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return bool(name == "TYPE_CHECKING")


def _is_bare_string(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class ParsedFiles:
    """Files by the digest of their bytes, each parsed once and remembered on the disk."""

    def __init__(self) -> None:
        """Read what was remembered when the first file is asked for."""
        self._known: dict[str, SourceFile] | None = None
        self._new: dict[str, SourceFile] = {}

    def of(self, source: bytes) -> SourceFile:
        """What a file of these bytes says."""
        if self._known is None:
            self._known = _read_remembered()
        key = _sha256(source)
        if key not in self._known:
            self._known[key] = self._new[key] = parse(source)
        return self._known[key]

    def remember(self) -> None:
        """Write what was parsed anew for later processes; where it cannot be, they parse again."""
        if not self._new:
            return
        # Read again: another process may have written meanwhile.
        together = list({**_read_remembered(), **self._new}.items())[-_MAX_REMEMBERED:]
        files = {key: [file.digest, list(file.imports)] for key, file in together}
        aside = home() / f".parsed_files-{socket.gethostname()}-{os.getpid()}.json"
        with suppress(OSError):
            home().mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps({"format": _format(), "files": files}), encoding="utf-8")
            aside.replace(_remembered())
            self._new = {}


def _remembered() -> Path:
    return home() / "parsed_files.json"


def _format() -> str:
    """Another parser, or another Python, may say otherwise of the same file."""
    return _sha256(Path(__file__).read_bytes() + repr(sys.version_info[:2]).encode())


def _read_remembered() -> dict[str, SourceFile]:
    try:
        whole = json.loads(_remembered().read_text(encoding="utf-8"))
        if whole["format"] != _format():
            return {}
        return {
            str(key): SourceFile(str(digest), tuple(map(str, imports)))
            for key, (digest, imports) in whole["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
