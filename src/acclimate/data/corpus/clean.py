"""Clean the text of a document: encodings, characters, lines."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from acclimate.data.corpus.dedup.minhash import signature
from acclimate.data.corpus.filters.c4 import c4_fault, drop_lines
from acclimate.data.corpus.filters.gopher import gopher_fault
from acclimate.data.corpus.filters.word_counts import WordReader, Words
from acclimate.data.corpus.markup import markdown_text, page_text
from acclimate.data.corpus.read_documents import RawDocument
from acclimate.data.corpus.settings import CorpusSettings


class Cleaned(NamedTuple):
    """A document after all that can be told from itself alone."""

    raw: RawDocument
    """With its text taken out."""
    num_bytes_read: int
    """Its text before, as UTF-8."""
    text: str
    """Clean; empty where it was dropped."""
    num_bytes: int
    """The clean text as UTF-8."""
    reason: str
    """Rule and what was found, where it was dropped; else empty."""
    lines_dropped: Mapping[str, int]
    """By rule."""
    content: int
    """64 bits of a hash of the clean text."""
    signature: bytes
    """For near-duplicates; empty where it was dropped."""


def clean_batch(
    batch: Sequence[RawDocument], settings: CorpusSettings, *, is_alone: bool
) -> list[Cleaned]:
    """Clean some documents, in their order.

    Args:
        batch: As read.
        settings: Rules and thresholds.
        is_alone: Whether the corpus is one document, to which no rule applies.
    """
    return [_clean(raw, settings, is_alone) for raw in batch]


def _clean(raw: RawDocument, settings: CorpusSettings, is_alone: bool) -> Cleaned:
    text = repaired(_MARKUP[raw.kind](raw.text))
    has_rules = settings.quality != "none" and not is_alone
    is_web = settings.quality == "web"
    lines_dropped: Mapping[str, int] = {}
    if has_rules and (is_web or raw.kind == "page"):
        text, lines_dropped = drop_lines(text, settings, is_web=is_web)
    words = _reader().read(text)
    reason = "" if len(words.lengths) else "empty: no text is left"
    if has_rules and not reason:
        reason = _fault(raw, text, words, settings)
    about = raw._replace(text="")
    num_bytes_read = _num_bytes(raw.text)
    if reason:
        return Cleaned(about, num_bytes_read, "", 0, reason, lines_dropped, 0, b"")
    content = text.encode("utf-8", "replace")
    digest = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
    seal = signature(words).tobytes()
    return Cleaned(about, num_bytes_read, text, len(content), "", lines_dropped, digest, seal)


def _fault(raw: RawDocument, text: str, words: Words, settings: CorpusSettings) -> str:
    is_web = settings.quality == "web"
    fault = c4_fault(text, settings, is_web=is_web) if is_web or raw.kind == "page" else ""
    return fault or gopher_fault(text, words, settings)


def _num_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _plain(text: str) -> str:
    return text


_MARKUP = {"page": page_text, "markdown": markdown_text, "plain": _plain}


@cache
def _reader() -> WordReader:
    """One for each process."""
    return WordReader()


_MAY_BE_MOJIBAKE = re.compile("[^\x00-\x7f]{2}|[\x80-\x9f]|[ÂÃ] ")
"""Mistaken UTF-8 shows as neighbours outside ASCII, Latin-1 as C1 controls; in the last case a
program took a no-break space for a space. A quick look before the slow one that ftfy takes."""
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_IS_SPECIAL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\u206a-\u206f\ufeff\ufff9-\ufffc]")
"""Control characters and rare line ends, those that `ftfy.fixes.remove_control_chars` removes."""


def repaired(text: str) -> str:
    """The text without mojibake and control characters, lines ended by line feeds, in NFC.

    Spaces, curly quotes and ligatures are kept: they are as the author wrote them.
    """
    from ftfy.fixes import remove_control_chars

    is_ascii = text.isascii()
    if not is_ascii and _MAY_BE_MOJIBAKE.search(text):
        text = "".join(map(_mended, text.splitlines(keepends=True)))
    if _IS_SPECIAL.search(text):
        text = remove_control_chars(_LINE_ENDS.sub("\n", text))
    return text if is_ascii else unicodedata.normalize("NFC", text)


def _mended(line: str) -> str:
    from ftfy import fix_encoding

    return fix_encoding(line) if _MAY_BE_MOJIBAKE.search(line) else line
