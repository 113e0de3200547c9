"""Bytes of a text as strings of bounded size, decoded as well as they can be."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from acclimate.core.errors import DataError

MAX_PART_CHARS = 2 * 2**20
"""A longer text becomes several documents, cut at blank lines: what bounds the memory. Few novels
are longer."""
_NUL_WITHIN = 8_000
"""A file with a NUL byte so near its beginning is no text; git's rule."""


def decode_bytes(content: bytes) -> str:
    """The text of some bytes: UTF-8, else line by line UTF-8 or what ftfy guesses."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return content.decode()
    except UnicodeDecodeError:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16", "replace")
        return "\n".join(map(_guessed, content.split(b"\n")))


def cut_blocks(text: str) -> Iterator[str]:
    """The text in parts of at most `MAX_PART_CHARS`, at a blank line, a line or a space."""
    start = 0
    while len(text) - start > MAX_PART_CHARS:
        end = start + _border(text, start, start + MAX_PART_CHARS)
        yield text[start:end]
        start = end
    yield text[start:]


def read_blocks(path: Path, file: IO[bytes], head: bytes = b"") -> Iterator[str]:
    """A text file in parts as `cut` makes them, with no more than two in memory.

    Args:
        path: For the message.
        file: Where to read on.
        head: What was read before.

    Raises:
        DataError: It is no text.
    """
    carry = ""
    for block in _decoded_blocks(path, file, head):
        parts = list(cut_blocks(carry + block))
        yield from parts[:-1]
        carry = parts[-1]
    if carry:
        yield carry


def _border(text: str, start: int, end: int) -> int:
    half = (start + end) // 2
    for mark in ("\n\n", "\n", " "):
        position = text.rfind(mark, half, end)
        if position >= 0:
            return position + len(mark) - start
    return end - start


def _decoded_blocks(path: Path, file: IO[bytes], head: bytes) -> Iterator[str]:
    chunks = iter(lambda: file.read(MAX_PART_CHARS // 2), b"")
    first = head + next(chunks, b"")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        wide = codecs.getincrementaldecoder("utf-16")("replace")
        return map(wide.decode, chain([first], chunks))
    if b"\0" in first[:_NUL_WITHIN] or first.startswith(b"%PDF"):
        raise DataError(
            f"{path}: is no text (bytes of a binary file); take it out, or convert it to text"
        )
    return map(decode_bytes, _whole_lines(chain([first], chunks)))


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, in blocks that end with a line, or at least between two characters."""
    rest = b""
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1 or _last_character(chunk)
        if end:
            yield rest + chunk[:end]
            rest = b""
        rest += chunk[end:]
    if rest:
        yield rest


def _last_character(chunk: bytes) -> int:
    """Where the last character of UTF-8 begins."""
    for start in range(len(chunk) - 1, max(len(chunk) - 5, 0), -1):
        if chunk[start] & 0xC0 != 0x80:
            return start
    return len(chunk)


def _guessed(line: bytes) -> str:
    import ftfy

    try:
        return line.decode()
    except UnicodeDecodeError:
        return ftfy.guess_bytes(line)[0]
