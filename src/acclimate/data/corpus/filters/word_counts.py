"""The words of a text as numbers: a hash, a length, and what kind of word each is."""

import zlib
from dataclasses import dataclass
from string import punctuation

import numpy as np
import numpy.typing as npt

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Gopher's (Rae et al. 2021, section A.1.1)."""
_STOP_NUMBERS = {word: number for number, word in enumerate(STOP_WORDS, start=1)}
_MARKS = punctuation + "\u201c\u201d\u2018\u2019«»…\u2013—¿¡"
_MAX_KNOWN = 2**17
"""Distinct words that are remembered; a text of any length holds few others."""
_MAX_CHARS = 2**16 - 1
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""An odd number with bits as if at random (2^64 over the golden ratio)."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is between the spaces of a text, in its order; N words."""

    hashes: npt.NDArray[np.uint64]
    """(N,) Below 2^32; case and outer marks make no difference."""
    lengths: npt.NDArray[np.int64]
    """(N,) Characters, marks counted."""
    num_alphabetic: int
    """Words with a letter in them."""
    num_stop_words: int
    """How many of `STOP_WORDS` occur, each counted once."""

    def grams(self, n: int) -> npt.NDArray[np.uint64]:
        """Hashes of each `n` words in a row, (N - n + 1,) of 64 bits; none if there are fewer."""
        num_grams = max(0, len(self.hashes) - n + 1)
        mixed = self.hashes[:num_grams]
        for start in range(1, n if num_grams else 0):
            mixed = mixed * _MIX + self.hashes[start : num_grams + start]
        return mixed * _MIX


class WordReader:
    """Finds the words of texts; words that it has met are looked up."""

    def __init__(self) -> None:
        """Know no word yet."""
        self._known = _Known()

    def read(self, text: str) -> Words:
        """The words of a text."""
        tokens = text.split()
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()
        packed = np.fromiter(map(self._known.__getitem__, tokens), np.uint64, len(tokens))
        kinds = np.bincount((packed >> np.uint64(48)).astype(np.int64), minlength=1)
        return Words(
            hashes=packed & np.uint64(2**32 - 1),
            lengths=((packed >> np.uint64(32)) & np.uint64(_MAX_CHARS)).astype(np.int64),
            num_alphabetic=int(kinds[1::2].sum()),
            num_stop_words=int(np.count_nonzero(kinds[2:])),
        )


class _Known(dict[str, int]):
    """Hash in 32 bits, length in 16, then 1 for a letter and twice the number of the stop word."""

    def __missing__(self, word: str) -> int:
        plain = word.casefold()
        bare = plain.strip(_MARKS) or plain
        has_letter = word.isalpha() or any(map(str.isalpha, word))
        kind = has_letter + 2 * _STOP_NUMBERS.get(bare, 0)
        packed = zlib.crc32(bare.encode("utf-8", "replace"))
        packed |= min(len(word), _MAX_CHARS) << 32 | kind << 48
        self[word] = packed
        return packed
