"""In a terminal lines fit and break between words; in a pipe they do not break at all."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from acclimate.cli._terminal import UNBOUNDED, console, unwrapped, wrapped
from acclimate.cli.show import CATALOGUES
from acclimate.core.catalogue import METHODS

SUMMARIES = {entry.name: entry.summary for entry in METHODS.entries.values()}
UNKNOWN = ("study", "no-such-domain/with/a/long/path", "a=1", "b=2")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def command(*argv):
    code = f"from acclimate.cli.main import main; main({argv!r})"
    return [sys.executable, "-c", code]


def environment():
    away = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    return {k: v for k, v in os.environ.items() if k not in away} | {"TERM": "xterm"}


def in_terminal(columns, *argv):
    """Lines of a command on a terminal of so many columns, stderr too."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    output = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(command(*argv), env=environment(), **output):
        os.close(theirs)
        written = b""
        try:
            while chunk := os.read(ours, 4096):
                written += chunk
        except OSError:  # how the end of a terminal reads
            pass
    os.close(ours)
    return COLOURS.sub("", written.decode()).splitlines()


def in_pipe(*argv):
    """What a command writes to pipes: stdout and stderr."""
    done = subprocess.run(
        command(*argv), env=environment(), capture_output=True, text=True, check=False
    )
    return done.stdout, done.stderr


def words(text):
    return re.sub(r"[│╭╮╰╯─]", " ", text).split()


@pytest.mark.parametrize(
    "argv", [("methods",), ("show", "folder"), ("methods", "--nothing"), ("methods", "--help"), ()]
)
def test_in_a_terminal_lines_fit_and_words_stay_whole(argv):
    lines = in_terminal(64, *argv)
    assert lines
    assert max(map(len, lines)) <= 64
    longer = in_terminal(400, *argv)
    assert words(" ".join(lines)) == words(" ".join(longer))


def test_what_goes_on_stands_below_what_it_goes_on_with():
    lines = in_terminal(64, "methods", "tuning")
    column = max(len(e.name) for e in METHODS.entries.values() if e.family == "tuning") + 4
    assert {line[:column].strip() for line in lines[1:]} <= {*SUMMARIES, ""}
    assert " ".join(line[column:] for line in lines).split() == [
        word for name, e in METHODS.entries.items() if e.family == "tuning"
        for word in SUMMARIES[name].split()
    ]  # fmt: skip


def test_an_error_in_a_terminal_is_wrapped_between_words():
    lines = in_terminal(40, *UNKNOWN)
    _, error = in_pipe(*UNKNOWN)
    assert len(lines) > 1
    assert " ".join(lines).split() == error.split()
    longest = max(map(len, error.split()))
    assert max(map(len, lines)) <= max(40, longest)


def test_in_a_pipe_every_entry_is_a_line():
    out, error = in_pipe("methods")
    assert error == ""
    rows = dict(line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  "))
    assert rows == SUMMARIES


def test_in_a_pipe_a_description_and_an_error_are_a_line():
    out, _ = in_pipe("show", "folder")
    (kind,) = (c.load("folder") for c in CATALOGUES if "folder" in c.entries)
    about = re.sub(r"\s+", " ", kind.__doc__.split("\n\n")[1]).strip()
    assert len(about) > 150
    assert about in out.splitlines()
    _, error = in_pipe(*UNKNOWN)
    assert error.count("\n") == 1
    _, error = in_pipe("methods", "--nothing")
    assert "No such option: --nothing" in error


def test_only_a_terminal_wraps(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    text = "a word and another " * 20
    assert wrapped(text, io.StringIO()) == text
    assert console().width == UNBOUNDED
    monkeypatch.setenv("COLUMNS", "50")
    assert console().width == 50


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("One.", "One."),
        ("One\n    two.\n\n    Three\n    four.\n", "One two.\n\nThree four."),
        ("These:\n    - one\n    - two\n", "These:\n- one\n- two"),
        ("Code:\n        as it\n          stands\n    .", "Code:\n    as it\n      stands ."),
    ],
)
def test_line_breaks_of_a_source_go(docstring, expected):
    assert unwrapped(docstring) == expected
