"""Prompt-lookup decoding: draft what followed the last tokens before."""

from dataclasses import dataclass

from acclimate.inference.engine.draft_length import Draft
from acclimate.inference.sampling.sampler import SamplingState

_NEAR, _NEAR_ALIKE = 12, 8
"""Last tokens that are compared with a text being quoted, and how many must be equal: so a word put
otherwise does not end a quotation, and text that only looks like one is not drafted from."""


@dataclass(frozen=True)
class PromptLookup:
    """Drafts what followed the last tokens where they stood before, in the prompt or the answer.

    Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding.

    Differs: where the last tokens stood nowhere before, but those before them did where the last
    draft came from, it goes on there: a quotation in which a word was put otherwise.
    """

    longest: int
    """Tokens by which matches are compared at most (the longest n-gram)."""
    shortest: int
    """Tokens that must match at least (the shortest n-gram)."""
    flops_per_token: float = 0.0

    def row(self) -> "LookupRow":
        """Drafts for one row, which begins."""
        return LookupRow(self.longest, self.shortest)


class LookupRow:
    """Positions of each n-gram of one row's tokens."""

    def __init__(self, longest: int, shortest: int) -> None:
        """Begin with no token; match so many."""
        self.longest, self.shortest = longest, shortest
        self._after: dict[tuple[int, ...], list[int]] = {}
        """Positions behind each of the shortest n-grams, first to last."""
        self._num_known = 0
        self._back: int | None = None
        """Tokens from the last draft's position to the row's end."""

    def draft(self, ids: list[int], num_tokens: int, _state: SamplingState | None = None) -> Draft:
        """Draft what followed the longest end of the row that stood before, the last time."""
        size = self.shortest
        for position in range(max(size, self._num_known), len(ids)):
            self._after.setdefault(tuple(ids[position - size : position]), []).append(position)
        self._num_known = len(ids)
        back = self._longest_match(ids) or self._resumed_match(ids)
        if back is None:
            return Draft()
        self._back = back
        return Draft(_continuation(ids, len(ids) - back, num_tokens))

    def _longest_match(self, ids: list[int]) -> int | None:
        """Tokens back from the end of the row to where its longest end stood before."""
        best, most = None, 0
        for position in reversed(self._after.get(tuple(ids[len(ids) - self.shortest :]), ())):
            num_same = self.shortest
            while (
                num_same < min(self.longest, position)
                and ids[position - num_same - 1] == (ids[-num_same - 1])
            ):
                num_same += 1
            if num_same > most:
                best, most = len(ids) - position, num_same
            if most == self.longest:
                break
        return best

    def _resumed_match(self, ids: list[int]) -> int | None:
        """As far back as the last draft, if most of the last tokens equal those there."""
        if self._back is None or self._back + _NEAR > len(ids):
            return None
        position = len(ids) - self._back
        pairs = zip(ids[position - _NEAR : position], ids[-_NEAR:], strict=True)
        return self._back if sum(a == b for a, b in pairs) >= _NEAR_ALIKE else None


def _continuation(ids: list[int], position: int, num_tokens: int) -> list[int]:
    """Tokens from a position on; past the end of the row, those that this adds to it."""
    period = len(ids) - position
    return [ids[position + number % period] for number in range(num_tokens)]
