"""A distribution over the next byte from one over the next token.

The probability of a byte string s is that of all token sequences whose bytes begin with s and
whose bytes without the last token do not (its cover; Vieira et al. 2024, arXiv:2412.03719,
definition 3): F(s) = sum of their probabilities. The next byte is b with probability F(s b) / F(s),
and nothing follows with the probability of all sequences that spell s and then end, over F(s).
These sum to one, as every sequence of a cover either spells s exactly, and goes on with a token
or the end, or spells more than s, and has a next byte.

Exact for any tokenisation a model may write, not only the canonical one, as long as no hypothesis
was dropped. Dropping some leaves a distribution that still sums to one: that of a model which
never writes them. The heaviest whose tokens end where the bytes do is never dropped, so that a
vocabulary with a token for every byte gives every byte some probability.

Differs: tokens without bytes that are no end (padding and the like) are taken to have probability
0, and what is left of each distribution over tokens is brought back to one.
"""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from acclimate.core.types import Floats

END = 256
"""The symbol after the last byte."""
NUM_SYMBOLS = 257


class ByteVocabulary:
    """Tokens in the order of their bytes, so that those that begin alike stand together."""

    def __init__(self, spelled: Sequence[bytes], ends: Set[int]) -> None:
        """Take every token's bytes, by id, and which tokens end an answer."""
        tokens = [i for i, text in enumerate(spelled) if text and i not in ends]
        self.ids = np.array(sorted(tokens, key=lambda i: spelled[i]), dtype=np.int64)
        self.ends = np.array(sorted(ends), dtype=np.int64)
        longest = max(len(spelled[i]) for i in self.ids)
        self._bytes = np.full((longest + 1, len(self.ids)), -1, dtype=np.int16)
        for column, token in enumerate(self.ids):
            self._bytes[: len(spelled[token]), column] = list(spelled[token])

    def probabilities(self, logits: Floats) -> Floats:
        """Of the tokens in this order and of the end, last, from logits by id; they sum to one."""
        masses = np.append(
            logits[self.ids], np.logaddexp.reduce(logits[self.ends], initial=-np.inf)
        )
        powers = np.exp(masses - masses.max())
        return np.asarray(powers / powers.sum())

    def bytes_at(self, depth: int, low: int, high: int) -> NDArray[np.int16]:
        """The byte at `depth` of tokens from `low` to before `high`; -1 where one has ended."""
        return self._bytes[depth, low:high]


@dataclass(frozen=True)
class Hypothesis:
    """Tokens that may have been written, and those that may come next."""

    state: Any
    """Whatever the token model needs to go on."""
    logprob: float
    """Of the tokens, nats."""
    probs: Floats
    """Of the next token, as `ByteVocabulary.probabilities` gives them."""
    low: int
    high: int
    """The next token is one of these, in the vocabulary's order."""
    depth: int = 0
    """Bytes of the next token that are known, in which all of them begin."""

    @property
    def logmass(self) -> float:
        """Of the tokens and of any that may come next."""
        # Before any byte of it is known, the next may be the end too.
        mass = self.probs[self.low : self.high].sum() if self.depth else 1.0
        return self.logprob + math.log(mass) if mass > 0 else -math.inf


class TokenModel(Protocol):
    """A model of tokens that can go on from any state."""

    def start(self) -> tuple[Any, Floats]:
        """The state before any token, and the logits of the first."""

    def read(self, state: Any, token: int) -> tuple[Any, Floats]:
        """The state after one more token, and the logits of the next."""


@dataclass(frozen=True)
class _Spelled:
    """A hypothesis whose last token was not read yet."""

    parent: Hypothesis
    column: int
    logmass: float


@dataclass(frozen=True)
class ByteAlignment:
    """All that a model of tokens may have written to spell the bytes so far."""

    vocabulary: ByteVocabulary
    token_model: TokenModel
    max_hypotheses: int
    """The heaviest are kept; see above for the one that may come on top."""
    min_share: float
    """Of the mass of all; what has less is dropped. 0, and enough hypotheses: exact."""
    hypotheses: tuple[Hypothesis, ...] = ()

    def begun(self) -> "ByteAlignment":
        """The alignment before the first byte."""
        state, logits = self.token_model.start()
        probs = self.vocabulary.probabilities(logits)
        return replace(self, hypotheses=(Hypothesis(state, 0.0, probs, 0, len(probs) - 1),))

    def logprobs(self) -> Floats:
        """Of the next byte and of the end, (257,), nats.

        All minus infinity after bytes that the model cannot write.
        """
        mass = np.zeros(NUM_SYMBOLS)
        top = max((h.logprob for h in self.hypotheses), default=0.0)
        for h in self.hypotheses:
            following = self.vocabulary.bytes_at(h.depth, h.low, h.high)
            probs = np.bincount(following, h.probs[h.low : h.high], minlength=END)
            mass[:END] += math.exp(h.logprob - top) * probs
            if not h.depth:
                mass[END] += math.exp(h.logprob - top) * h.probs[-1]
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(mass / (mass.sum() or 1.0)))

    @property
    def logmass(self) -> float:
        """Logarithm of F of the bytes so far, nats."""
        return float(np.logaddexp.reduce([h.logmass for h in self.hypotheses], initial=-np.inf))

    def after(self, byte: int) -> "ByteAlignment":
        """The alignment after one byte more, 0 to 255."""
        candidates = [candidate for h in self.hypotheses for candidate in self._after(h, byte)]
        candidates.sort(key=lambda candidate: -candidate.logmass)
        whole = np.logaddexp.reduce([c.logmass for c in candidates], initial=-np.inf)
        least = whole + math.log(self.min_share) if self.min_share else -math.inf
        heaviest = [c for c in candidates[: self.max_hypotheses] if c.logmass >= least]
        ended = [candidate for candidate in candidates if isinstance(candidate, _Spelled)][:1]
        if ended and not any(isinstance(candidate, _Spelled) for candidate in heaviest):
            heaviest += ended
        # The heaviest stays, however many share the mass.
        return replace(self, hypotheses=tuple(map(self._read, heaviest or candidates[:1])))

    def _after(self, h: Hypothesis, byte: int) -> "list[Hypothesis | _Spelled]":
        """The hypothesis with the byte, and those in which it is a token's last."""
        following = self.vocabulary.bytes_at(h.depth, h.low, h.high)
        low = h.low + int(np.searchsorted(following, byte, "left"))
        high = h.low + int(np.searchsorted(following, byte, "right"))
        # Of tokens that begin alike, those that end there come first.
        done = int(np.searchsorted(self.vocabulary.bytes_at(h.depth + 1, low, high), -1, "right"))
        longer = replace(h, low=low + done, high=high, depth=h.depth + 1)
        candidates: list[Hypothesis | _Spelled] = [longer] if longer.low < longer.high else []
        candidates += [
            _Spelled(h, column, h.logprob + math.log(h.probs[column]))
            for column in range(low, low + done)
            if h.probs[column] > 0
        ]
        return [candidate for candidate in candidates if candidate.logmass > -math.inf]

    def _read(self, candidate: "Hypothesis | _Spelled") -> Hypothesis:
        if isinstance(candidate, Hypothesis):
            return candidate
        token = int(self.vocabulary.ids[candidate.column])
        state, logits = self.token_model.read(candidate.parent.state, token)
        probs = self.vocabulary.probabilities(logits)
        return Hypothesis(state, candidate.logmass, probs, 0, len(probs) - 1)
