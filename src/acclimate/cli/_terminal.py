"""What is printed: wrapped between words to fit a terminal, elsewhere not at all."""

import inspect
import os
import re
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

UNBOUNDED = 100_000
"""Columns of what is no terminal, for tables: they take what their cells need."""
_USUAL = 80
"""Columns of a terminal that does not say how many it has."""


def columns_of(stream: TextIO) -> int | None:
    """Columns of the terminal that a stream goes to; None: it goes to a pipe or a file."""
    if not stream.isatty():
        return None
    try:
        return _exported() or os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):
        return _USUAL


def _exported() -> int:
    """What `COLUMNS` says, which goes before what a terminal says; 0: nothing."""
    exported = os.environ.get("COLUMNS", "")
    return int(exported) if exported.isdigit() else 0


def wrapped(text: str, stream: TextIO, hanging: int = 0) -> str:
    """The text as it goes to a stream; lines that go on begin with so many spaces."""
    columns = columns_of(stream)
    if columns is None:
        return text
    shape = textwrap.TextWrapper(
        columns,
        subsequent_indent=" " * min(hanging, columns // 2),
        break_long_words=False,
        break_on_hyphens=False,
        expand_tabs=False,
        replace_whitespace=False,
    )
    return "\n".join(shape.fill(line) for line in text.splitlines())


def echo(text: str, hanging: int = 0) -> None:
    """Print a text on stdout."""
    import typer

    typer.echo(wrapped(text, sys.stdout, hanging))


def console() -> "Console":
    """Where tables go; in a pipe they are as wide as they need, or as `COLUMNS` allows."""
    from rich.console import Console

    columns = columns_of(sys.stdout) or _exported()
    return Console(highlight=False, soft_wrap=not columns, width=columns or UNBOUNDED)


def unwrapped(docstring: str) -> str:
    """A docstring without the line breaks that only its source needs."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(re.sub(r"\n(?=\S)(?!- )", " ", paragraph) for paragraph in paragraphs)
