"""How many tokens a tokenizer makes of a text, and whether the text comes back."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pydantic import computed_field

from acclimate.core.errors import DataError
from acclimate.core.record import Record

_BATCH = 64
"""Texts encoded at once."""


class Fertility(Record):
    """Counts of one tokenizer on one set of texts."""

    num_texts: int
    """Texts read."""
    num_changed: int
    """Texts that decoding does not give back exactly."""
    num_words: int
    """Runs of characters between white space; a script without spaces has few."""
    num_tokens: int
    """Tokens, without those that are put around a text."""
    num_unknown: int
    """Tokens that stand for something unknown."""
    num_bytes: int
    """Length in UTF-8, bytes."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tokens_per_word(self) -> float:
        """Fertility (Rust et al. 2021, section 3.2); 1 is the least where no token has a space."""
        return self.num_tokens / self.num_words

    @computed_field  # type: ignore[prop-decorator]
    @property
    def bytes_per_token(self) -> float:
        """Compression; it compares scripts with and without spaces alike."""
        return self.num_bytes / self.num_tokens

    @computed_field  # type: ignore[prop-decorator]
    @property
    def changed_share(self) -> float:
        """Of the texts, 0 to 1: those that are not given back exactly."""
        return self.num_changed / self.num_texts

    @computed_field  # type: ignore[prop-decorator]
    @property
    def unknown_share(self) -> float:
        """Of the tokens, 0 to 1: those that stand for something unknown."""
        return self.num_unknown / self.num_tokens


def fertility(tokenizer: Any, texts: Iterable[str]) -> Fertility:
    """Count a tokenizer's tokens on texts, each encoded by itself; they are read once.

    Raises:
        DataError: There is not one word in the texts.
    """
    counts = dict.fromkeys(Fertility.model_fields, 0)
    for batch in _batches(texts):
        all_ids, back = there_and_back(tokenizer, batch)
        for text, ids, again in zip(batch, all_ids, back, strict=True):
            counts["num_texts"] += 1
            counts["num_changed"] += text != again
            counts["num_words"] += len(text.split())
            counts["num_tokens"] += len(ids)
            counts["num_unknown"] += ids.count(tokenizer.unk_token_id)
            counts["num_bytes"] += len(text.encode())
    if not counts["num_words"]:
        raise DataError("there is no text to count tokens of; all that was given is blank")
    return Fertility(**counts)


def there_and_back(tokenizer: Any, texts: list[str]) -> tuple[list[list[int]], list[str]]:
    """Ids of each text, and what decoding them gives."""
    ids = tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)[
        "input_ids"
    ]
    return ids, tokenizer.batch_decode(ids)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while batch := list(islice(left, _BATCH)):
        yield batch
