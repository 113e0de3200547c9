"""What a tokenizer does not give back, and why, with examples."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from acclimate.core.record import Record
from acclimate.data.tokenizers.fertility import there_and_back

MAX_PAIRS = 20_000
"""Different pairs of words that are looked at; more change the shares little."""

_PAIR = re.compile(r"\A\s+\S*|(?<!\S)(?=(\S+(?:\s+\S*)?))")
"""White space at the start with the first word, then each word with what follows it."""


class RoundTripLoss(Record):
    """One cause for which texts come back changed."""

    cause: str
    """In words."""
    example: str
    """The shortest text seen that shows it."""
    given_back: str
    """What became of the example."""
    share: float
    """Of the pairs of words looked at, 0 to 1."""

    def __str__(self) -> str:
        """One line."""
        percent = f"{100 * self.share:.3g} % of word pairs"
        return f"{self.cause}: {self.example!r} comes back as {self.given_back!r} ({percent})"


def losses(tokenizer: Any, texts: Iterable[str]) -> tuple[RoundTripLoss, ...]:
    """Find what is lost when texts are encoded and decoded, the most frequent cause first.

    Each pair of neighbouring words is looked at by itself. A cause counts where the pair comes
    back as it was but for it: were the cause ignored, as by comparing without regard to case, and
    all others too, the two would be the same, and were it alone not ignored, they would not.

    Args:
        tokenizer: A fast one, of any kind.
        texts: Read until enough different pairs were seen.
    """
    pairs = list(dict.fromkeys(islice(_pairs(texts), MAX_PAIRS)))
    by_cause: dict[str, list[tuple[str, str]]] = {}
    for pair, back, masked in _changed(tokenizer, pairs):
        for cause in _causes(masked, back):
            by_cause.setdefault(cause, []).append((pair, back))
        if masked != pair:
            by_cause.setdefault(UNKNOWN_CHARACTERS, []).append((pair, back))
    losses = [
        RoundTripLoss(cause=cause, example=pair, given_back=back, share=len(changed) / len(pairs))
        for cause, changed in by_cause.items()
        for pair, back in [min(changed, key=lambda change: (len(change[0]), change))]
    ]
    return tuple(sorted(losses, key=lambda loss: (-loss.share, loss.cause)))


def _pairs(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for match in _PAIR.finditer(text):
            yield match[1] or match[0]


def _changed(tokenizer: Any, pairs: list[str]) -> Iterator[tuple[str, str, str]]:
    """Each pair that changes, what it changes to, and it with the unknown as a token's name."""
    all_ids, all_back = there_and_back(tokenizer, pairs)
    for pair, ids, back in zip(pairs, all_ids, all_back, strict=True):
        if pair != back:
            is_known = tokenizer.unk_token_id not in ids
            yield pair, back, pair if is_known else _masked(tokenizer, pair)


def _masked(tokenizer: Any, text: str) -> str:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    tokens = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    for token, (begin, end) in reversed(list(tokens)):
        if token == tokenizer.unk_token_id:
            text = text[:begin] + tokenizer.unk_token + text[end:]
    return text


def _causes(text: str, back: str) -> Iterator[str]:
    if text == back:
        return
    if _without(text, *IGNORING) != _without(back, *IGNORING):
        yield "something else changes"
        return
    for cause in IGNORING:
        others = [other for other in IGNORING if other != cause]
        if _without(text, *others) != _without(back, *others):
            yield cause


def _without(text: str, *causes: str) -> str:
    for cause in causes:
        text = IGNORING[cause](text)
    return text


def _unaccented(text: str) -> str:
    parts = unicodedata.normalize("NFD", text)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


def _uncontrolled(text: str) -> str:
    """Without what is neither written nor white space, and without the replacement character."""
    return "".join(
        char
        for char in text
        if char.isspace() or (unicodedata.category(char)[0] != "C" and char != "\ufffd")
    )


UNKNOWN_CHARACTERS = "unknown characters are lost"
IGNORING: Mapping[str, Callable[[str], str]] = {
    "characters are written in another form (NFKC)": lambda s: unicodedata.normalize("NFKC", s),
    "capitals become small": str.lower,
    "accents are dropped": _unaccented,
    "control characters are dropped": _uncontrolled,
    "spaces and line breaks change": lambda s: "".join(s.split()),
}
"""What each cause changes, taken out of a text."""
