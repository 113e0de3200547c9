"""Running text as training windows, with whole documents held out as dev."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from acclimate.core.domain import Document
from acclimate.core.runtime.seeding import derive
from acclimate.training.packing import TokenizedExample


def hold_out_documents(
    documents: Sequence[Document], share: float, *, seed: int
) -> tuple[list[Document], list[Document]]:
    """Split documents into those to train on and those held out, each in their order.

    Args:
        documents: At least one.
        share: The part that is held out, at least one of two, never all; 0: none.
        seed: Draws the documents that are held out.
    """
    count = min(max(1, round(share * len(documents))) if share else 0, len(documents) - 1)
    drawn = np.random.default_rng(derive(seed, "held out")).permutation(len(documents))
    out = set(drawn[:count].tolist())
    train_documents = [document for i, document in enumerate(documents) if i not in out]
    return train_documents, [document for i, document in enumerate(documents) if i in out]


def windows(texts: Iterable[str], tokenizer: Any, num_tokens: int) -> Iterator[TokenizedExample]:
    """Texts laid end to end, cut into windows of `num_tokens`, of which every token is learned.

    The last window may be shorter. An end of text stands between texts, and before the first where
    there is no start token. The last token of a window is the first of the next, so that each is
    predicted once.
    """
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    ids = [] if start else list(end)
    for text in texts:
        text_ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        ids += [*start, *text_ids, *end]
        while len(ids) >= num_tokens:
            yield TokenizedExample((), ids[:num_tokens])
            ids = ids[num_tokens - 1 :]
    if len(ids) > 1:
        yield TokenizedExample((), ids)
