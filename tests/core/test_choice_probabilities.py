"""Shares become log-likelihoods that give them back, whatever the choices' lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acclimate.core.choice_probabilities import by_question, probabilities, weighed_as
from acclimate.core.model import LogLikelihood
from acclimate.core.prompt import Prompt

TEXTS = st.lists(st.text(max_size=30), min_size=2, max_size=5, unique=True)


@given(TEXTS, st.integers(0, 10**6))
def test_there_and_back(texts, seed):
    shares = np.random.default_rng(seed).dirichlet(np.ones(len(texts))).clip(1e-6)
    shares /= shares.sum()
    weighed = weighed_as(shares.tolist(), texts)
    assert probabilities(weighed) == pytest.approx(shares.tolist())
    best = max(range(len(texts)), key=lambda i: weighed[i].per_byte)
    assert shares[best] == pytest.approx(shares.max())


def test_probabilities_by_hand():
    weighed = [LogLikelihood(-2.0, 1, 2), LogLikelihood(-8.0, 1, 4)]
    # Nats a byte are -1 and -2, three bytes the mean.
    first = np.exp(-3) / (np.exp(-3) + np.exp(-6))
    assert probabilities(weighed) == pytest.approx([first, 1 - first])


def test_pairs_come_back_in_their_order():
    one, two, three = (Prompt(question=q) for q in "123")

    def weigh(questions):
        return [
            [LogLikelihood(float(-len(t)), len(texts), 1) for t in texts] for _, texts in questions
        ]

    pairs = [(one, "a"), (two, "bb"), (one, "ccc"), (three, "d"), (one, "a")]
    found = by_question(pairs, weigh, weigh)
    assert [w.logprob for w in found] == [-1, -2, -3, -1, -1]
    assert [w.num_tokens for w in found] == [2, 1, 2, 1, 2]
