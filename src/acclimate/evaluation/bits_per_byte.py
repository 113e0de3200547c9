"""How well a model predicts running text, in bits per byte."""

import math
from collections.abc import Iterator, Sequence

from acclimate.core.model import Model
from acclimate.core.prompt import Prompt

PIECE_CHARS = 600
"""Texts are weighed in pieces of this length, short enough for a context of 512 tokens."""


def bits_per_byte(model: Model, texts: Sequence[str], piece_chars: int = PIECE_CHARS) -> float:
    """Negative log2-likelihood of running text over its UTF-8 bytes.

    Differs: each piece of `piece_chars` begins without context, the same for every model.
    """
    pieces = [piece for text in texts for piece in _pieces(text, piece_chars)]
    # Prompts of their own, though all are empty: continuations of one prompt share a row.
    alone = [Prompt(question="", template="", item_id=str(i)) for i in range(len(pieces))]
    weighed = model.loglikelihood(list(zip(alone, pieces, strict=True)))
    nats = -sum(w.logprob for w in weighed)
    return nats / math.log(2) / sum(w.num_bytes for w in weighed)


def _pieces(text: str, limit: int) -> Iterator[str]:
    """Whole words as far as they go into a piece; one that is longer than a piece is cut."""
    piece: list[str] = []
    length = 0
    for word in _words(text, limit):
        if piece and length + len(word) > limit:
            yield " ".join(piece)
            piece, length = [], 0
        piece.append(word)
        length += len(word) + 1
    if length > 1:
        yield " ".join(piece)


def _words(text: str, limit: int) -> Iterator[str]:
    for word in text.split(" "):
        for start in range(0, max(1, len(word)), limit):
            yield word[start : start + limit]
