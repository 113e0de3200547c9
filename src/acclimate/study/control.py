"""General ability on the control set: what adapting may have cost."""

import math
from collections.abc import Iterator, Sequence

from acclimate.core.data import Control
from acclimate.core.model import Model
from acclimate.core.prompt import Prompt
from acclimate.core.records import ControlScore
from acclimate.core.rewriter import unwrap
from acclimate.study.measure import measure

PIECE_CHARS = 600
"""Texts are weighed in pieces of this length, short enough for a context of 512 tokens."""


def control_score(model: Model, control: Control) -> ControlScore:
    """Bits per byte of the control's texts and accuracy on its items.

    No examples, no retrieval: what is asked is what the weights still know.
    """
    core = unwrap(model).core
    if "logprobs" not in core.offers:
        return ControlScore()
    accuracy = None
    if control.task is not None and control.task.items:
        scores = measure(core, [control.task]).scores[control.task.name]
        main = list(scores[control.task.metrics[0]].values())
        accuracy = sum(main) / len(main)
    texts = bits_per_byte(core, control.texts) if control.texts else None
    return ControlScore(bits_per_byte=texts, accuracy=accuracy)


def bits_per_byte(model: Model, texts: Sequence[str]) -> float:
    """Negative log2-likelihood of running text over its UTF-8 bytes.

    Differs: each piece of 600 characters begins without context, the same for every model.
    """
    pieces = [piece for text in texts for piece in _pieces(text)]
    # Prompts of their own, though all are empty: continuations of one prompt share a row.
    alone = [Prompt(question="", template="", item_id=str(i)) for i in range(len(pieces))]
    weighed = model.loglikelihood(list(zip(alone, pieces, strict=True)))
    nats = -sum(w.logprob for w in weighed)
    return nats / math.log(2) / sum(w.num_bytes for w in weighed)


def _pieces(text: str) -> Iterator[str]:
    words = text.split(" ")
    piece: list[str] = []
    length = 0
    for word in words:
        if piece and length + len(word) > PIECE_CHARS:
            yield " ".join(piece)
            piece, length = [], 0
        piece.append(word)
        length += len(word) + 1
    if length > 1:
        yield " ".join(piece)
