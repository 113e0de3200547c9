"""Whole documents held out of training, drawn by a seed."""

from collections.abc import Sequence

import numpy as np

from acclimate.core.data import Document
from acclimate.core.seeding import derive


def held_out(
    documents: Sequence[Document], share: float, *, seed: int
) -> tuple[list[Document], list[Document]]:
    """Those to train on and those held out, each in their order.

    Args:
        documents: At least one.
        share: Of them is held out, at least one of two, never all; 0: none.
        seed: Of the draw.
    """
    count = min(max(1, round(share * len(documents))) if share else 0, len(documents) - 1)
    drawn = np.random.default_rng(derive(seed, "held out")).permutation(len(documents))
    out = set(drawn[:count].tolist())
    own = [document for i, document in enumerate(documents) if i not in out]
    return own, [document for i, document in enumerate(documents) if i in out]
