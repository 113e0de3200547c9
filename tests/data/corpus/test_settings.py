"""Settings: the papers' numbers, and shares that leave something."""

import pytest
from pydantic import ValidationError

from acclimate.data.corpus.settings import CorpusSettings


def test_defaults_are_the_published_numbers():
    s = CorpusSettings()
    assert (s.min_words, s.max_words) == (50, 100_000)
    assert (s.min_mean_word_chars, s.max_mean_word_chars) == (3, 10)
    assert (s.max_symbol_share, s.max_bullet_share, s.max_ellipsis_share) == (0.1, 0.9, 0.3)
    assert (s.min_alphabetic_share, s.min_stop_words) == (0.8, 2)
    assert (s.max_repeated_share, s.max_repeated_chars_share) == (0.3, 0.2)
    assert (s.min_line_words, s.min_sentences) == (5, 3)


def test_shares_must_leave_something_to_train_on():
    with pytest.raises(ValidationError, match="leave nothing to train on"):
        CorpusSettings(dev_share=0.5, test_share=0.5)


def test_a_similarity_that_would_not_be_found_is_refused():
    with pytest.raises(ValidationError, match="near_duplicate"):
        CorpusSettings(near_duplicate=0.5)
