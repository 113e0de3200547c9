"""Structured output: which tokens may come next (choice, regex, JSON schema)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.model import Sampling
from acclimate.data.tokenizers.token_bytes import token_bytes
from acclimate.inference.structured.grammar import grammar_of

MAX_ITEMS_IN_ROW = 20_000
"""Possible continuations, as llguidance counts them: four for each optional property."""
MAX_BYTES_AHEAD = 256
"""Of text that has to come, which is tokenized again at every token: a long one would take too
long."""

_vocabularies: WeakKeyDictionary[Any, dict[frozenset[int], Any]] = WeakKeyDictionary()
"""llguidance's vocabularies, by tokenizer and by the tokens that end an answer."""


class Constraint:
    """The grammar of one answer, matched as far as the answer has come.

    Args:
        matcher: llguidance's, of the whole answer; it is changed.
        num_tokens: In its vocabulary.
        field: The field of the sampling that asks for it.
    """

    def __init__(self, matcher: Any, num_tokens: int, field: str) -> None:
        self.matcher, self.field = matcher, field
        self._bits = np.zeros(-(-num_tokens // 32), dtype=np.int32)

    def require_kept(self) -> None:
        """Refuse an answer that could not be held to it, as far as it came.

        Raises:
            ConfigError: It grew too large on the way, or no token of the vocabulary led on.
        """
        if self.matcher.is_error():
            raise _refused(self.field, self.matcher.get_error())

    def allowed(self, num_tokens: int) -> torch.Tensor:
        """Whether each of a network's tokens (V,) may come next; at the end, those that end it.

        A network may have more rows than its tokenizer has tokens; those may not.
        """
        self.matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        bits = np.unpackbits(self._bits.view(np.uint8), count=num_tokens, bitorder="little")
        return torch.from_numpy(bits.view(np.bool_))

    def take(self, token: int) -> None:
        """Go on after a token."""
        self.matcher.consume_token(token)

    def rollback(self, num_tokens: int) -> None:
        """Go back before the last tokens."""
        self.matcher.rollback(num_tokens)


def constraint_of(sampling: Sampling, tokenizer: Any, stop_ids: Iterable[int]) -> Constraint | None:
    """What `choice`, `regex` or `json_schema` ask of one answer; None: nothing.

    Raises:
        ConfigError: More than one of them, or one that is malformed, too large, or cannot be met.
        NotApplicableError: A tokenizer that does not say which bytes its tokens stand for.
    """
    wanted = grammar_of(sampling)
    if wanted is None:
        return None
    grammar, field = wanted
    vocabulary = _vocabulary(tokenizer, frozenset(stop_ids))
    return Constraint(
        _matcher(vocabulary, grammar, field).deep_copy(), vocabulary.vocab_size, field
    )


@lru_cache(maxsize=256)
def _matcher(vocabulary: Any, grammar: str, field: str) -> Any:
    """A matcher before the first token; cached, as many answers have the same grammar."""
    from llguidance import LLMatcher, LLParserLimits

    limits = LLParserLimits(max_items_in_row=MAX_ITEMS_IN_ROW, verbose_errors=False)
    matcher = LLMatcher(vocabulary, grammar, log_level=0, limits=limits)
    begun = matcher.deep_copy()
    begun.consume_tokens(vocabulary.tokenize_str(" "))
    for tried in (matcher, begun):
        if not tried.is_error():
            tried.compute_bitmask()  # fails for grammars that no answer can match
        if tried.is_error():
            raise _refused(field, tried.get_error())
    return matcher


def _refused(field: str, message: str) -> ConfigError:
    """The library's message in one sentence, without its own state."""
    if message.startswith(("NoExtension", "panic")):
        message = "no answer can be so" if message.startswith("NoExtension") else "it is too large"
    for opening in ("error: ", "JSON schema: ", "(in regex): "):
        message = message.rpartition(opening)[2]
    reason = message.split("<state>")[0].split("\n")[0].rstrip(".; ")[:200]
    return ConfigError(f"{field}: cannot be followed: {reason}; mend it or ask for less")


def _vocabulary(tokenizer: Any, stop_ids: frozenset[int]) -> Any:
    by_ends = _vocabularies.setdefault(tokenizer, {})
    if stop_ids not in by_ends:
        by_ends[stop_ids] = _read(tokenizer, stop_ids)
    return by_ends[stop_ids]


def _read(tokenizer: Any, stop_ids: frozenset[int]) -> Any:
    from llguidance import LLTokenizer, TokenizerWrapper

    if not stop_ids:
        raise NotApplicableError(
            "a constrained answer has to end somewhere, and neither the tokenizer nor the network "
            "has a token that ends one; add an end-of-text token"
        )
    ends = sorted(stop_ids)
    return LLTokenizer(TokenizerWrapper(_Spelled(tokenizer, ends)), eos_token=ends)


class _Spelled:
    """A tokenizer as llguidance needs it: the bytes of every token, and a tokenizing function."""

    bos_token_id = None

    def __init__(self, tokenizer: Any, ends: list[int]) -> None:
        self.eos_token_id = ends[0]
        self.tokens = token_bytes(tokenizer)
        self.special_token_ids = [i for i, spelled in enumerate(self.tokens) if not spelled]
        self._numbers = {spelled: i for i, spelled in enumerate(self.tokens) if spelled}
        self._num_bytes = max(map(len, self.tokens))
        self._backend = tokenizer.backend_tokenizer

    def __call__(self, text: str | bytes) -> list[int]:
        """Tokens whose text is exactly this or, as far as they go, its beginning."""
        wanted = text.encode() if isinstance(text, str) else text
        if len(wanted) <= MAX_BYTES_AHEAD:
            return self._exactly(wanted)
        beginning = wanted[:MAX_BYTES_AHEAD].decode(errors="ignore").encode()
        ids = self._exactly(beginning)
        return ids[:-1] or ids  # the last might have gone on

    def _exactly(self, text: bytes) -> list[int]:
        """Tokens of a text after another: many tokenizers begin one by itself with a blank."""
        for lead in ("", "\n"):
            ids = self._backend.encode(lead + text.decode(), add_special_tokens=False).ids
            for num_before in range(min(len(ids), 4)):
                if b"".join(self.tokens[i] for i in ids[num_before:]) == text:
                    return list(ids[num_before:])
        return self._longest(text)

    def _longest(self, text: bytes) -> list[int]:
        """One token after the other, each the longest that fits; ends where none does."""
        ids: list[int] = []
        while text:
            ends = range(min(len(text), self._num_bytes), 0, -1)
            end = next((end for end in ends if text[:end] in self._numbers), 0)
            if end == 0:
                break
            ids.append(self._numbers[text[:end]])
            text = text[end:]
        return ids
