"""A little text, and a tokenizer of each kind trained on it once."""

from functools import cache

import pytest

from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.train import train_tokenizer

SENTENCES = (
    "The quick brown fox jumps over the lazy dog, and the dog does not mind.",
    "Café owners in Zürich don't open before nine o'clock; they say so on the door.",
    "def area(width, height):\n    return width * height  # in metres\n",
    "A reader reads what a writer writes, and the writer rewrites what the reader read.",
)
TEXTS = [f"{sentence} {number}" for number in range(8) for sentence in SENTENCES]


@cache
def trained_once(kind):
    return train_tokenizer(TEXTS, TokenizerSettings(kind=kind, vocab_size=330, max_seq_len=77))


@pytest.fixture(scope="session")
def trained():
    """Give the tokenizer of a kind; never changed by a test."""
    return trained_once
