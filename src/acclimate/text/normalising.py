"""Answers that differ in case, spaces and marks around them are one answer."""

_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_CLOSING = ".,;:!?"


def normalised(text: str) -> str:
    """Lower case, single spaces, no surrounding quotes or backticks, no trailing punctuation."""
    short = " ".join(text.casefold().split())
    bare = short.strip(_QUOTES).rstrip(_CLOSING).strip(_QUOTES).strip()
    return bare or short
