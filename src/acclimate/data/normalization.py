"""Search terms of a text, and answers brought to one form."""

import re
import unicodedata

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Kana, Han and Hangul, as the inside of a character class: written without spaces."""

_WORD = rf"[^\W{UNSPACED}]+"
_RUN = re.compile(rf"[{UNSPACED}]+|{_WORD}(?:(?:[.-]|::){_WORD})*")
_IS_PLAIN = re.compile(r"[a-z0-9]+")
_IS_UNSPACED = re.compile(rf"[{UNSPACED}]")
_BETWEEN_PARTS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(text: str) -> list[str]:
    """List the search words of a text in order, folded to one case.

    A compound (`json.dumps`, `max_new_tokens`, `HTTPServer`, `dry-run`, `std::vector`) gives itself
    and then each of its parts, so that both the exact name and a mention of one part find it.
    Text without spaces (Chinese, Japanese, Korean) gives overlapping pairs of characters.
    """
    terms: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        if _IS_PLAIN.fullmatch(run):
            terms.append(run)
        elif _IS_UNSPACED.match(run):
            terms += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
        else:
            terms += _compound(run)
    return terms


def _compound(run: str) -> list[str]:
    whole = run.casefold()
    parts = [part.casefold() for part in _BETWEEN_PARTS.split(run) if part]
    return [whole] if parts == [whole] else [whole, *parts]


_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_CLOSING = ".,;:!?"


def normalised(text: str) -> str:
    """Lower case, single spaces, no surrounding quotes or backticks, no trailing punctuation."""
    short = " ".join(text.casefold().split())
    bare = short.strip(_QUOTES).rstrip(_CLOSING).strip(_QUOTES).strip()
    return bare or short
