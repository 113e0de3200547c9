"""Running text as examples of which every token is learned."""

from collections.abc import Iterable, Iterator
from typing import Any

from acclimate.training.batches import Example


def windows(texts: Iterable[str], tokenizer: Any, num_tokens: int) -> Iterator[Example]:
    """Texts laid end to end, cut into windows of `num_tokens`; the last one may be shorter.

    An end of text stands between texts, and before the first where there is no start token. The
    last token of a window is the first of the next, so that each is predicted once.
    """
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    ids = [] if start else list(end)
    for text in texts:
        own = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        ids += [*start, *own, *end]
        while len(ids) >= num_tokens:
            yield Example((), ids[:num_tokens])
            ids = ids[num_tokens - 1 :]
    if len(ids) > 1:
        yield Example((), ids)
