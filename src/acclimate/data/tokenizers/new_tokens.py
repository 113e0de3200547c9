"""New tokens for whole words, in a copy of a tokenizer that loses nothing by them."""

import copy
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from acclimate.core.errors import NotApplicableError
from acclimate.data.tokenizers.long_words import num_pieces

AROUND = ("{}", "one {} two", "({})", "one\n{}.", "one {}, two")
"""Texts that a word must come back from as it would have before."""


def with_words(
    tokenizer: Any, words: Sequence[str], known: Iterable[str] = ()
) -> tuple[Any, dict[int, list[int]]]:
    """A copy with a token for each word; new id → the ids of what stood in its place before.

    A word has a token with the space before it, as most of a vocabulary has, and one without.
    Where text would not come back from one of them as it did before (byte-level tokenizers decode
    added accents wrongly), that one is left out. The one with the space also begins longer words:
    where some of `known` would then take more tokens than they do, it is left out too.

    Args:
        tokenizer: A fast one; stays as it was.
        words: None of which it has.
        known: Words that must not become longer.

    Raises:
        NotApplicableError: The tokenizer gives no text back with any of the words added.
    """
    longer = sorted(set(known))
    spaced = [f" {word}" for word in words if not _breaks_longer(tokenizer, word, longer)]
    forms = [*spaced, *words]
    larger = _larger(tokenizer, forms)
    usable = [form for form in forms if _comes_back(tokenizer, larger, form)]
    if not usable:
        raise NotApplicableError(
            f"{type(tokenizer).__name__} does not give text back as it was when words are added "
            f"to it (tried: {', '.join(words[:3])}); take a base with a byte-level tokenizer"
        )
    larger = larger if len(usable) == len(forms) else _larger(tokenizer, usable)
    pieces = tokenizer(usable, add_special_tokens=False, verbose=False)["input_ids"]
    ids = larger.convert_tokens_to_ids(usable)
    return larger, dict(zip(ids, pieces, strict=True))


def known_words(tokenizer: Any, words: Iterable[str]) -> list[str]:
    """Those that are one token already, or a token's name."""
    sizes = num_pieces(tokenizer, words)
    return [word for word, size in sizes.items() if size <= 1 or word in tokenizer.get_vocab()]


def _larger(tokenizer: Any, forms: Sequence[str]) -> Any:
    from tokenizers import AddedToken

    larger = copy.deepcopy(tokenizer)
    # A word is looked for whole; with its space it would then never follow another word.
    larger.add_tokens([AddedToken(f, single_word=f[0] != " ", normalized=False) for f in forms])
    return larger


def _comes_back(before: Any, after: Any, form: str) -> bool:
    """Whether the token of this form is used, and every text with it comes back as before."""
    new_id, word = after.convert_tokens_to_ids(form), form.strip()
    texts = [around.replace("{}", word) for around in AROUND]
    ids = [after(text, add_special_tokens=False)["input_ids"] for text in texts]
    using = [
        (text, text_ids) for text, text_ids in zip(texts, ids, strict=True) if new_id in text_ids
    ]
    old = [before(text, add_special_tokens=False)["input_ids"] for text, _ in using]
    return bool(using) and all(
        after.decode(text_ids) == before.decode(was)
        for (_, text_ids), was in zip(using, old, strict=True)
    )


def _breaks_longer(tokenizer: Any, word: str, known: Sequence[str]) -> bool:
    """Whether longer words (of those sorted) that begin with it would take more tokens."""
    longer = []
    for candidate in known[bisect_right(known, word) :]:
        if not candidate.startswith(word):
            break
        longer += [candidate] if candidate[len(word)].isalnum() else []
    if not longer:
        return False
    rests = tokenizer([w[len(word) :] for w in longer], add_special_tokens=False)["input_ids"]
    sizes = num_pieces(tokenizer, longer)
    return any(1 + len(rest) > sizes[w] for w, rest in zip(longer, rests, strict=True))
