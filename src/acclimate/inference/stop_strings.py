"""Where an answer ends, by a token or a stop string, and its text until then."""

import re
from dataclasses import dataclass
from typing import Any

from acclimate.core.model import Sampling

NUM_AT_ONCE = 64
"""New tokens after which an answer is looked at, at the latest."""
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
"""How SentencePiece writes a byte; bytes beside each other are decoded together or not at all."""
_UNKNOWN = "\ufffd"
"""What stands in a text for bytes that are no character, or not yet."""


@dataclass(frozen=True)
class StopCondition:
    """How answers of one tokenizer end when they are drawn so."""

    tokenizer: Any
    sampling: Sampling
    stop_ids: frozenset[int]
    """Tokens that end an answer."""

    def is_met(self, ids: list[int]) -> bool:
        """Whether an answer of these token ids is over, which it was not `NUM_AT_ONCE` ago."""
        if not ids or ids[-1] in self.stop_ids:
            return bool(ids)
        if not self.sampling.stop or self.first_stop(self._tail(ids)) is None:
            return False
        # Only here the whole answer is read: a stop may be a blank before the first word.
        return self.first_stop(self._settled(ids).lstrip()) is not None

    def text(self, ids: list[int]) -> str:
        """The answer, without its end; stop strings before its first word are blank."""
        text = self.spelled(ids).lstrip()
        return text[: self.first_stop(text)].rstrip()

    def spelled(self, ids: list[int]) -> str:
        """What tokens say, stop strings among it, but not the token that ended it."""
        said = ids[:-1] if ids and ids[-1] in self.stop_ids else ids
        return str(
            self.tokenizer.decode(
                said, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def first_stop(self, text: str) -> int | None:
        """Where the first stop string begins; None: there is none."""
        found = [at for stop in self.sampling.stop if (at := text.find(stop)) >= 0]
        return min(found, default=None)

    def may_stop(self, text: str) -> int:
        """Where the end of a text begins that may become a stop string; its length: nowhere."""
        longest = max(map(len, self.sampling.stop), default=1) - 1
        for begin in range(max(0, len(text) - longest), len(text)):
            if any(stop.startswith(text[begin:]) for stop in self.sampling.stop):
                return begin
        return len(text)

    def is_open(self, ids: list[int], text: str) -> bool:
        """Whether the end of their text may read otherwise when more tokens follow."""
        return text.endswith(_UNKNOWN) or self._num_bytes(ids) > 0

    def _is_byte(self, token: int) -> bool:
        name_of = getattr(self.tokenizer, "convert_ids_to_tokens", None)
        return name_of is not None and bool(_BYTE.fullmatch(str(name_of(token))))

    def _settled(self, ids: list[int]) -> str:
        """What tokens say; where a stop is made of what is unknown, without what may get known."""
        if not any(_UNKNOWN in stop for stop in self.sampling.stop):
            return self.spelled(ids)
        return self.spelled(ids[: len(ids) - self._num_bytes(ids)]).removesuffix(_UNKNOWN)

    def _num_bytes(self, ids: list[int]) -> int:
        """Tokens at the end that are bytes, and what says nothing among and after them."""
        found = 0
        for number, token in enumerate(reversed(ids), 1):
            if self._is_byte(token):
                found = number
            elif self.spelled([token]):
                break
        return found

    def _tail(self, ids: list[int]) -> str:
        """The end of what tokens say, enough to hold a stop string that was not there before."""
        longest = max(len(stop.encode()) for stop in self.sampling.stop)
        num_before = longest  # a token is a byte at least, or else says nothing
        while True:
            first = self._before_bytes(ids, len(ids) - NUM_AT_ONCE)
            first = self._before_bytes(ids, first - num_before)
            text = self.spelled(ids[first:])
            if first == 0 or len(text) > longest:
                return text
            num_before = 2 * num_before + NUM_AT_ONCE

    def _before_bytes(self, ids: list[int], place: int) -> int:
        """That place, or where a run of bytes that it lies in begins."""
        place = max(0, place)
        while place and self._is_byte(ids[place]):
            place -= 1
        return place


class IncrementalDetokenizer:
    """The text of one answer as it grows: the pieces, joined, are `Ending.text` of all its tokens.

    Whatever may be taken back is held: half of a character, what may become a stop string, white
    space that may be the last. Each time, only what is new and a little before it is read.
    """

    def __init__(self, ending: StopCondition) -> None:
        """Begin with nothing said."""
        self.ending = ending
        self._num_said = 0
        self._held = ""
        self._is_over = False
        self._first = self._read = 0
        """Tokens from the first on are read again, as the first of a text lose their blank."""

    def add(self, ids: list[int]) -> str:
        """The next piece, or nothing, when these are all tokens so far."""
        if self._is_over or not ids:
            return ""
        self._held += self._new(ids)
        if self._num_said == 0:
            self._held = self._held.lstrip()
        until = self.ending.first_stop(self._held)
        self._is_over = until is not None
        if until is None:
            until = self.ending.may_stop(self._held)
        piece = self._held[:until].rstrip()
        self._held = self._held[len(piece) :]
        self._num_said += len(piece)
        return piece

    def end(self, ids: list[int]) -> str:
        """The last piece, when these are all tokens."""
        return self.ending.text(ids)[self._num_said :]

    def _new(self, ids: list[int]) -> str:
        """What tokens say that were not read, as far as it is sure."""
        text = self.ending.spelled(ids[self._first :])
        if self.ending.is_open(ids, text):
            return ""
        known = self.ending.spelled(ids[self._first : self._read])
        if self.ending.spelled(ids[self._read :]):
            self._first = self._read
        self._read = len(ids)
        return text[len(known) :]
