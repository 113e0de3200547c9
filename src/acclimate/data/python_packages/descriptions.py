"""General English: what installed packages say of themselves."""

import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from itertools import chain, zip_longest

_MIN_CHARS, _MAX_CHARS = 160, 700
_NOT_PROSE = re.compile(r"https?://|<[a-z/!]|```|::|\||\[!|>>>|={3}|-{3}|\.\. |[{}$\\]|\.md\b")
_LICENCE = re.compile(r"(^|/)(licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)


def distribution_prose(
    exclude: Iterable[str] = (), *, max_bytes: int = 30_000
) -> Iterator[tuple[str, str]]:
    """Paragraphs from descriptions and licences of installed distributions, none twice.

    It takes one paragraph from each distribution in turn, in alphabetical order: prose of many
    hands about many things. It is read where the reader installed it; none is shipped.

    Args:
        exclude: Names of distributions to leave out.
        max_bytes: Stop after about this many UTF-8 bytes.

    Yields:
        Pairs of the distribution's name and a paragraph of 160 to 700 characters.
    """
    left_out = {"acclimate", *(name.lower() for name in exclude)}
    by_name = {str(d.metadata["Name"]).lower(): d for d in metadata.distributions()}
    queues = [
        [(name, paragraph) for paragraph in _paragraphs(by_name[name])]
        for name in sorted(by_name.keys() - left_out)
    ]
    seen: set[str] = set()
    spent = 0
    for pair in chain.from_iterable(zip_longest(*queues)):
        if pair is None or (mark := _mark(pair[1])) in seen:
            continue
        seen.add(mark)
        spent += len(pair[1].encode())
        yield pair
        if spent >= max_bytes:
            return


def _paragraphs(distribution: metadata.Distribution) -> Iterator[str]:
    about = distribution.metadata.json
    description = str(about.get("description", ""))
    for text in (description, *_licences(distribution)):
        for paragraph in re.split(r"\n\s*\n", text):
            plain = " ".join(paragraph.split())
            if _MIN_CHARS <= len(plain) <= _MAX_CHARS and _is_prose(plain):
                yield plain


def _licences(distribution: metadata.Distribution) -> Iterator[str]:
    for file in sorted(distribution.files or (), key=str):
        if _LICENCE.search(file.as_posix()) and file.suffix not in {".py", ".pyc"}:
            try:
                yield file.read_text()
            except (OSError, UnicodeDecodeError):
                continue


def _is_prose(text: str) -> bool:
    letters = sum(c.isalpha() or c == " " for c in text)
    is_told = text[0].isupper() and text[-1] == "." and text.count("`") <= 2
    return is_told and letters >= 0.92 * len(text) and not _NOT_PROSE.search(text)


def _mark(text: str) -> str:
    """What two copies of one licence clause share though names in them differ."""
    words = re.findall(r"[a-z]+", text.lower())
    return " ".join(words[:8])
