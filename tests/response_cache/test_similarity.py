"""Which prompts mean alike, and from where on that is safe enough."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from acclimate.core.prompt import Prompt, Turn
from acclimate.response_cache.similarity import (
    CONFIDENCE,
    NUM_TRIED,
    PromptSimilarity,
    last_turn_text,
    lowest_threshold,
    unit_vectors,
    without_last_turn,
)
from acclimate.statistics.binomial import upper_bound

TEXTS = ["how do I open a file", "how do I close a door", "which animal eats seeds"]


def test_what_is_said_and_all_else():
    turns = (Turn("system", "Be kind."), Turn("user", "Why?"))
    assert last_turn_text(Prompt("What?")) == "What?"
    assert last_turn_text(Prompt("What?", turns=turns)) == "Why?"
    plain = Prompt("What?", task="t", item_id="7", instruction="Do.", retrieval_query="Then?")
    assert without_last_turn(plain) == Prompt("", task="t", instruction="Do.")
    other = (Turn("system", "Be kind."), Turn("user", "Who?"))
    rude = (Turn("system", "Be rude."), Turn("user", "Why?"))
    talk = [without_last_turn(Prompt("", turns=t)) for t in (turns, other, rude)]
    assert talk[0] == talk[1] != talk[2]


def test_vectors_are_unit_or_nothing():
    states = PromptSimilarity.fit_encoder("lsa", TEXTS)
    prompts = [Prompt(t, task="any", instruction="x") for t in (TEXTS[0], "open a file", "zzz")]
    found = unit_vectors(states, prompts)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1, 0], abs=1e-5)
    assert found[0] @ found[1] > 0.8
    # What stands around the question does not make it another.
    assert unit_vectors(states, [Prompt(TEXTS[0])])[0] == pytest.approx(found[0])


def test_saved_and_read(tmp_path):
    likeness = PromptSimilarity(PromptSimilarity.fit_encoder("lsa", TEXTS), 0.75)
    again = PromptSimilarity.read(tmp_path, likeness.write(tmp_path))
    prompts = [Prompt(text) for text in TEXTS]
    assert again.threshold == 0.75
    assert np.array_equal(again.vectors(prompts), likeness.vectors(prompts))


@given(st.integers(0, 40), st.integers(1, 200), st.sampled_from([0.9, 0.95, 0.995]))
@settings(deadline=None)
def test_upper_bound_is_where_so_few_would_be_rare(num_met, num_tried, confidence):
    if num_met >= num_tried:
        assert upper_bound(num_met, num_tried, confidence) == 1
        return
    upper = upper_bound(num_met, num_tried, confidence)
    # The definition: with that rate, so few or fewer are met with probability 1 - confidence.
    assert binom.cdf(num_met, num_tried, upper) == pytest.approx(1 - confidence, rel=1e-6)


def test_none_of_59_is_below_one_in_twenty():
    assert upper_bound(0, 59, 0.95) < 0.05 < upper_bound(0, 58, 0.95)


def test_the_lowest_that_holds():
    cosines = np.linspace(0.01, 1, 1000)
    trial = lowest_threshold(cosines, list(cosines < 0.43), 0.1)
    # 600 of 1000 reach it and 24 are false; of 700, 124 would be.
    assert trial.threshold == pytest.approx(cosines[400])
    assert (trial.num_hits, trial.num_false) == (600, int((cosines[400:] < 0.43).sum()))
    assert trial.upper_bound <= 0.1
    assert lowest_threshold(cosines, [True] * 1000, 0.9) is None
    assert lowest_threshold(cosines[:5], [False] * 5, 0.1) is None
    assert lowest_threshold(np.zeros(1000), [False] * 1000, 0.1) is None


def test_the_stated_rate_is_kept_as_often_as_is_said():
    """Where every hit is false with one rate just above the stated, it is let through seldom."""
    rng = np.random.default_rng(0)
    passed = [
        lowest_threshold(rng.random(300), list(rng.random(300) < 0.101), 0.1) is not None
        for _ in range(400)
    ]
    assert np.mean(passed) <= 1 - CONFIDENCE + 0.03
    assert NUM_TRIED == 10
