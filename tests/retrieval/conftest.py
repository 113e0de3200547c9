"""A small corpus, and an encoder that remembers what it was asked to place."""

import hashlib

import numpy as np
import pytest

from acclimate.core.domain import Document
from acclimate.core.runtime.cost import Cost, spend
from acclimate.retrieval.encoders import load as encoders


class CountingEncoder:
    """Bag of hashed words; notes every text in `seen` and spends a token on each."""

    learns = False

    def __init__(self):
        self.seen = []

    def encode(self, texts):
        self.seen += texts
        spend(Cost(prompt_tokens=len(texts)))
        vectors = np.zeros((len(texts), 32), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, hashlib.sha256(word.encode()).digest()[0] % 32] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def write(self, folder):
        pass


@pytest.fixture
def counting(monkeypatch):
    """The encoder that any name but `lsa` gives."""
    encoder = CountingEncoder()
    monkeypatch.setattr(encoders, "_transformer", lambda _name: encoder)
    return encoder


@pytest.fixture
def documents():
    """Ten documents about ten animals."""
    animals = ["cat", "dog", "horse", "cow", "sheep", "goat", "hen", "duck", "pig", "bee"]
    return [
        Document(
            id=f"d{i}",
            title=a.title(),
            text=f"# Food\nThe {a} eats food number {i}.\n# Home\nThe {a} lives in house {i}.",
        )
        for i, a in enumerate(animals)
    ]
