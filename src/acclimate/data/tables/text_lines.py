"""Lines of a text file, decoded or refused with their place."""

from collections.abc import Iterator
from pathlib import Path

from acclimate.core.errors import DataError


def line_location(path: Path | str, line: int) -> str:
    """A row's whereabouts as said in messages: `items.jsonl, line 3`."""
    word = "row" if Path(path).suffix.lower() in {".parquet", ".json"} else "line"
    return f"{path}, {word} {line}"


def text_lines(path: Path) -> Iterator[str]:
    """Lines with their ends; a byte order mark is dropped.

    Raises:
        DataError: A line is not UTF-8; the message gives line and byte and how to convert.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            content = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            try:
                yield content.decode()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: byte {error.start + 1} of the line "
                    f"(0x{content[error.start]:02x}) is not UTF-8; convert the file: "
                    f"{_conversion(path, raw)}"
                ) from None


def _conversion(path: Path, raw: bytes) -> str:
    is_wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    source = "UTF-16" if is_wide else "WINDOWS-1252"
    return f"iconv -f {source} -t UTF-8 {path.name} > utf8-{path.name}"
