"""Cut documents into passages of limited length, section by section."""

import re
from collections.abc import Iterator, Sequence

from acclimate.core.domain import Document
from acclimate.core.errors import ConfigError
from acclimate.core.prompt import Passage
from acclimate.data.documents.sections import sections
from acclimate.data.normalization import UNSPACED

_TOKEN = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]")
_UNIT = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")


def count_tokens(text: str) -> int:
    """Count words and punctuation marks; a character of unspaced script counts as a word.

    Not a model's tokens: passages are cut once for every model. `json.dumps(x)` is 6.
    """
    return len(_TOKEN.findall(text))


def check_sizes(chunk_tokens: int, overlap_tokens: int) -> None:
    """Refuse sizes that cannot be.

    Raises:
        ConfigError: `chunk_tokens` is not positive, or the overlap is not below it.
    """
    if chunk_tokens < 1:
        raise ConfigError(f"chunk_tokens={chunk_tokens}, must be at least 1")
    if not 0 <= overlap_tokens < chunk_tokens:
        raise ConfigError(
            f"overlap_tokens={overlap_tokens}, must be at least 0 and below "
            f"chunk_tokens={chunk_tokens}"
        )


def chunk_document(document: Document, *, chunk_tokens: int, overlap_tokens: int) -> list[Passage]:
    """Cut a document into passages, in reading order; a blank document gives none.

    Args:
        document: Markdown or plain text.
        chunk_tokens: The longest passage, as `count_tokens` counts. A single word that is longer
            (a URL, say) makes a passage of its own.
        overlap_tokens: At most this much of a passage's end is said again by the next one of the
            same section, in whole words.

    Returns:
        Passages whose title is the document's title (its id where it has none) and the headings
        above, joined by ` > `.

    Raises:
        ConfigError: The sizes cannot be.
    """
    check_sizes(chunk_tokens, overlap_tokens)
    passages: list[Passage] = []
    for section in sections(document.text):
        title = _title(document, section.headings)
        units = list(_UNIT.finditer(section.text))
        lengths = [count_tokens(unit.group()) for unit in units]
        for begin, end in _windows(lengths, chunk_tokens, overlap_tokens):
            text = section.text[units[begin].start() : units[end - 1].end()]
            passages.append(Passage(document.id, title, text))
    return passages


def _title(document: Document, headings: Sequence[str]) -> str:
    title = document.title or document.id
    if headings and headings[0].casefold() == title.casefold():
        headings = headings[1:]
    return " > ".join([title, *headings])


def _windows(lengths: Sequence[int], size: int, overlap: int) -> Iterator[tuple[int, int]]:
    start = 0
    while True:
        end, total = start + 1, lengths[start]
        while end < len(lengths) and total + lengths[end] <= size:
            total += lengths[end]
            end += 1
        yield start, end
        if end == len(lengths):
            return
        # What is said again must leave room for the next word, or nothing new would be said.
        room = min(overlap, size - lengths[end])
        start = end
        while lengths[start - 1] <= room:
            start -= 1
            room -= lengths[start]
