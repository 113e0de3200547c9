"""Stop tokens and stop strings, and incremental detokenization up to them."""

import re
from dataclasses import dataclass
from typing import Any

from acclimate.core.model import Sampling

NUM_AT_ONCE = 64
"""New tokens after which an answer is tested for its end, at the latest."""
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
"""How SentencePiece writes a byte; bytes beside each other are decoded together or not at all."""
_UNKNOWN = "\ufffd"
"""Stands in a text for bytes that are no character, or not yet."""


@dataclass(frozen=True)
class StopCondition:
    """Where answers end, by stop tokens and by the sampling's stop strings."""

    tokenizer: Any
    sampling: Sampling
    stop_ids: frozenset[int]
    """Tokens that end an answer."""

    def is_met(self, ids: list[int]) -> bool:
        """Whether an answer of these token ids ends, which did not `NUM_AT_ONCE` tokens ago."""
        if not ids or ids[-1] in self.stop_ids:
            return bool(ids)
        if not self.sampling.stop or self.first_stop(self._tail(ids)) is None:
            return False
        # Only here the whole answer is read: a stop may be a blank before the first word.
        return self.first_stop(self._settled(ids).lstrip()) is not None

    def text(self, ids: list[int]) -> str:
        """The answer up to its end, without white space around it or stop strings before it."""
        text = self.spelled(ids).lstrip()
        return text[: self.first_stop(text)].rstrip()

    def spelled(self, ids: list[int]) -> str:
        """The text of tokens, stop strings included, without the token that ended it."""
        shown = ids[:-1] if ids and ids[-1] in self.stop_ids else ids
        return str(
            self.tokenizer.decode(
                shown, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def first_stop(self, text: str) -> int | None:
        """Where the first stop string begins; None: there is none."""
        begins = [begin for stop in self.sampling.stop if (begin := text.find(stop)) >= 0]
        return min(begins, default=None)

    def may_stop(self, text: str) -> int:
        """Where the end of a text begins that may become a stop string; its length: nowhere."""
        longest = max(map(len, self.sampling.stop), default=1) - 1
        for begin in range(max(0, len(text) - longest), len(text)):
            if any(stop.startswith(text[begin:]) for stop in self.sampling.stop):
                return begin
        return len(text)

    def is_open(self, ids: list[int], text: str) -> bool:
        """Whether the end of the tokens' text may change when more tokens follow."""
        return text.endswith(_UNKNOWN) or self._num_bytes(ids) > 0

    def _is_byte(self, token: int) -> bool:
        name_of = getattr(self.tokenizer, "convert_ids_to_tokens", None)
        return name_of is not None and bool(_BYTE.fullmatch(str(name_of(token))))

    def _settled(self, ids: list[int]) -> str:
        """The text of tokens; without half characters at its end where a stop string has such."""
        if not any(_UNKNOWN in stop for stop in self.sampling.stop):
            return self.spelled(ids)
        return self.spelled(ids[: len(ids) - self._num_bytes(ids)]).removesuffix(_UNKNOWN)

    def _num_bytes(self, ids: list[int]) -> int:
        """Number of tokens at the end that are bytes, tokens without text among them included."""
        num_bytes = 0
        for number, token in enumerate(reversed(ids), 1):
            if self._is_byte(token):
                num_bytes = number
            elif self.spelled([token]):
                break
        return num_bytes

    def _tail(self, ids: list[int]) -> str:
        """The end of the tokens' text, long enough to hold a stop string that is new in it."""
        longest = max(len(stop.encode()) for stop in self.sampling.stop)
        num_before = longest  # a token is a byte at least, or else has no text
        while True:
            first = self._before_bytes(ids, len(ids) - NUM_AT_ONCE)
            first = self._before_bytes(ids, first - num_before)
            text = self.spelled(ids[first:])
            if first == 0 or len(text) > longest:
                return text
            num_before = 2 * num_before + NUM_AT_ONCE

    def _before_bytes(self, ids: list[int], position: int) -> int:
        """The position, or the first of a run of bytes that it lies in."""
        position = max(0, position)
        while position and self._is_byte(ids[position]):
            position -= 1
        return position


class IncrementalDetokenizer:
    """The text of one answer, piece by piece; joined they are `StopCondition.text` of its tokens.

    Text that may still change is held back: half of a character, what may become a stop string,
    white space that may be the last. Each time, only new tokens and a few before them are decoded.
    """

    def __init__(self, condition: StopCondition) -> None:
        """Begin with no token."""
        self.condition = condition
        self._num_given = 0
        self._held = ""
        self._is_over = False
        self._first = self._read = 0
        """Tokens from the first on are decoded again, as the first of a text lose their blank."""

    def add(self, ids: list[int]) -> str:
        """The next piece, or nothing, when these are all tokens so far."""
        if self._is_over or not ids:
            return ""
        self._held += self._new(ids)
        if self._num_given == 0:
            self._held = self._held.lstrip()
        until = self.condition.first_stop(self._held)
        self._is_over = until is not None
        if until is None:
            until = self.condition.may_stop(self._held)
        piece = self._held[:until].rstrip()
        self._held = self._held[len(piece) :]
        self._num_given += len(piece)
        return piece

    def end(self, ids: list[int]) -> str:
        """The last piece, when these are all tokens."""
        return self.condition.text(ids)[self._num_given :]

    def _new(self, ids: list[int]) -> str:
        """The text of tokens that were not decoded yet, as far as it is final."""
        text = self.condition.spelled(ids[self._first :])
        if self.condition.is_open(ids, text):
            return ""
        known = self.condition.spelled(ids[self._first : self._read])
        if self.condition.spelled(ids[self._read :]):
            self._first = self._read
        self._read = len(ids)
        return text[len(known) :]
