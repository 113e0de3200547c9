"""Byte distributions equal those of all token sequences, enumerated one by one."""

import itertools
import math

import numpy as np
import pytest

from acclimate.ensembles.token_level.byte_alignment import END, ByteAlignment, ByteVocabulary

SPELLED = [b"", b"a", b"b", b"ab", b"aba", b"ba", b"", b"b"]
"""Token 0 ends, token 6 is padding, and two tokens spell b."""
ENDS = {0}


class Random:
    """Logits that depend on all tokens so far; a state is their tuple."""

    def __init__(self, seed=0):
        self.seed = seed

    def logits(self, tokens):
        key = [self.seed, len(tokens), *tokens]
        return 1.5 * np.random.default_rng(key).standard_normal(len(SPELLED))

    def start(self):
        return (), self.logits(())

    def read(self, state, token):
        tokens = (*state, token)
        return tokens, self.logits(tokens)

    def probs(self, tokens):
        """Without padding."""
        powers = np.exp(self.logits(tokens))
        powers[[i for i, text in enumerate(SPELLED) if not text and i not in ENDS]] = 0
        return powers / powers.sum()


def covering(model, text, tokens=(), prob=1.0):
    """Probability that the bytes begin with `text`: every sequence of its cover by itself."""
    if not text:
        return prob
    total = 0.0
    for token, spelled in enumerate(SPELLED):
        if not spelled or not (text.startswith(spelled) or spelled.startswith(text)):
            continue
        own = prob * model.probs(tokens)[token]
        total += covering(model, text[len(spelled) :], (*tokens, token), own)
    return total


def ending(model, text, tokens=(), prob=1.0):
    """Probability that exactly `text` is written."""
    if not text:
        return prob * sum(model.probs(tokens)[e] for e in ENDS)
    return sum(
        ending(model, text[len(s) :], (*tokens, t), prob * model.probs(tokens)[t])
        for t, s in enumerate(SPELLED)
        if s and text.startswith(s)
    )


def aligned(model, max_hypotheses=10_000, min_share=0.0):
    return ByteAlignment(ByteVocabulary(SPELLED, ENDS), model, max_hypotheses, min_share).begun()


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_enumeration(seed):
    model = Random(seed=seed)
    for length in range(5):
        for text in map(bytes, itertools.product(b"ab", repeat=length)):
            found = aligned(model)
            for byte in text:
                found = found.after(byte)
            whole = covering(model, text)
            assert found.logmass == pytest.approx(math.log(whole))
            probs = np.exp(found.logprobs())
            for byte in b"ab":
                expected = covering(model, text + bytes([byte])) / whole
                assert probs[byte] == pytest.approx(expected)
            assert probs[END] == pytest.approx(ending(model, text) / whole)
            assert probs.sum() == pytest.approx(1)


def test_a_string_is_the_product_of_its_bytes():
    model, text = Random(), b"abaab"
    found, total = aligned(model), 0.0
    for byte in text:
        total += found.logprobs()[byte]
        found = found.after(byte)
    assert total == pytest.approx(math.log(covering(model, text)))


def test_dropping_hypotheses_still_sums_to_one_and_comes_near():
    model = Random()
    exact, near, one = aligned(model), aligned(model, 4), aligned(model, 1)
    for byte in b"abab":
        exact, near, one = exact.after(byte), near.after(byte), one.after(byte)
        for found in (near, one):
            assert np.exp(found.logprobs()).sum() == pytest.approx(1)
    assert len(near.hypotheses) in {4, 5}
    assert len(one.hypotheses) in {1, 2}
    apart = np.abs(np.exp(near.logprobs()) - np.exp(exact.logprobs())).sum()
    assert apart < np.abs(np.exp(one.logprobs()) - np.exp(exact.logprobs())).sum()
    wary = aligned(model, min_share=0.2)
    for byte in b"abab":
        wary = wary.after(byte)
    assert 1 <= len(wary.hypotheses) <= 5


def test_every_byte_that_can_be_spelled_keeps_some_probability():
    model = Random(seed=3)
    for text in map(bytes, itertools.product(b"ab", repeat=6)):
        found = aligned(model, max_hypotheses=1)
        for byte in text:
            assert found.logprobs()[byte] > -math.inf
            found = found.after(byte)


def test_what_cannot_be_spelled_has_no_mass():
    found = aligned(Random()).after(ord("c"))
    assert found.hypotheses == ()
    assert found.logmass == -math.inf
    assert np.isneginf(found.logprobs()).all()


def test_a_vocabulary_of_bytes_is_read_as_it_is():
    spelled = [bytes([b]) for b in range(256)] + [b""]

    class Bytes(Random):
        def logits(self, tokens):
            return np.random.default_rng([7, *tokens]).standard_normal(257)

    model = Bytes()
    found = ByteAlignment(ByteVocabulary(spelled, {256}), model, 1, 0.0).begun()
    for byte in b"xy":
        found = found.after(byte)
    logits = model.logits((ord("x"), ord("y")))
    assert found.logprobs() == pytest.approx(logits - np.logaddexp.reduce(logits))
