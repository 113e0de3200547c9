"""Guesses at the next tokens by what followed the last ones before."""

from dataclasses import dataclass

from acclimate.inference.engine.draft_length import Draft
from acclimate.inference.sampling.sampler import SamplingState

_NEAR, _NEAR_ALIKE = 12, 8
"""Last tokens that are held against a text that is being quoted, and how many must be its own: so
a word put otherwise does not end a quotation, and text that only looks like one is left alone."""


@dataclass(frozen=True)
class PromptLookup:
    """What followed the last words where they stood before, in the prompt or in the answer.

    Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding.

    Differs: where the last words stood nowhere, but those before them where guesses came from, it
    goes on there, behind as many words: a quotation in which one was put otherwise.
    """

    longest: int
    """Tokens by which places are told apart at most."""
    shortest: int
    """Tokens that must have stood there at least."""
    flops_per_token: float = 0.0

    def row(self) -> "LookupRow":
        """For one row."""
        return LookupRow(self.longest, self.shortest)


class LookupRow:
    """Where each sequence of a row's tokens stood."""

    def __init__(self, longest: int, shortest: int) -> None:
        """Look for so many tokens."""
        self.longest, self.shortest = longest, shortest
        self._after: dict[tuple[int, ...], list[int]] = {}
        """Places behind each of the shortest sequences, first to last."""
        self._num_known = 0
        self._back: int | None = None
        """How far back the last guesses stood."""

    def draft(
        self, ids: list[int], num_tokens: int, _drawing: SamplingState | None = None
    ) -> Draft:
        """What followed the longest end of the row that stood before, the last time."""
        size = self.shortest
        for place in range(max(size, self._num_known), len(ids)):
            self._after.setdefault(tuple(ids[place - size : place]), []).append(place)
        self._num_known = len(ids)
        back = self._found(ids) or self._gone_on(ids)
        if back is None:
            return Draft()
        self._back = back
        return Draft(_going_on(ids, len(ids) - back, num_tokens))

    def _found(self, ids: list[int]) -> int | None:
        """How far back the longest end of the row stood."""
        best, most = None, 0
        for place in reversed(self._after.get(tuple(ids[len(ids) - self.shortest :]), ())):
            num_same = self.shortest
            while (
                num_same < min(self.longest, place)
                and ids[place - num_same - 1] == (ids[-num_same - 1])
            ):
                num_same += 1
            if num_same > most:
                best, most = len(ids) - place, num_same
            if most == self.longest:
                break
        return best

    def _gone_on(self, ids: list[int]) -> int | None:
        """As far back as before, if most of the last words are those that stand there."""
        if self._back is None or self._back + _NEAR > len(ids):
            return None
        place = len(ids) - self._back
        pairs = zip(ids[place - _NEAR : place], ids[-_NEAR:], strict=True)
        return self._back if sum(a == b for a, b in pairs) >= _NEAR_ALIKE else None


def _going_on(ids: list[int], place: int, num_tokens: int) -> list[int]:
    """Tokens from a place on; past the end of the row, those that this adds to it."""
    period = len(ids) - place
    return [ids[place + number % period] for number in range(num_tokens)]
