"""Mend what encodings did to a text, and write equal characters equally."""

import re
import unicodedata

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
