"""Neighbours by cosine, against all of them compared."""

import numpy as np
import pytest

from acclimate.response_cache import lookup as neighbours
from acclimate.response_cache.lookup import NearestVectors, VectorScopes
from acclimate.response_cache.sqlite_store import AnswerStore, CachedAnswer


def unit(rng, num):
    vectors = rng.normal(size=(num, 5)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_nearest_first_down_to_the_threshold():
    rng = np.random.default_rng(0)
    vectors, query = unit(rng, 30), unit(rng, 1)[0]
    found = NearestVectors()
    assert found.near(query, 0.1) == []
    for number, vector in enumerate(vectors):
        found.add(bytes([number]), vector)
    cosines = vectors @ query
    want = [bytes([i]) for i in np.argsort(-cosines) if cosines[i] >= 0.1]
    assert [key for _, key in found.near(query, 0.1)] == want
    assert [c for c, _ in found.near(query, 0.1)] == pytest.approx(
        sorted(cosines)[: -len(want) - 1 : -1]
    )
    assert found.near(np.zeros(5, np.float32), 0.1) == []
    # The same text is as near as can be, whatever the order of its sums.
    assert found.near(vectors[3], 1.0)[0][1] == bytes([3])


def test_only_the_newest_are_compared(monkeypatch):
    monkeypatch.setattr(neighbours, "MAX_KEYS", 3)
    found, vector = NearestVectors(), np.ones(1, np.float32)
    for number in range(5):
        found.add(bytes([number]), vector)
    assert [key[0] for _, key in found.near(vector, 0.5)] == [2, 3, 4]


def test_scopes_are_apart_and_follow_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "MAX_SCOPES", 1)
    vector = np.ones(1, np.float32)

    def put(key, scope):
        store.put([CachedAnswer(key, "m", scope, vector.tobytes(), b"")])

    store = AnswerStore(tmp_path / "s", 10**6)
    found = VectorScopes(store)
    assert found.of(b"s").near(vector, 0.5) == []
    put(b"1", b"s")
    put(b"2", b"t")
    for _ in range(2):
        assert [key for _, key in found.of(b"s").near(vector, 0.5)] == [b"1"]
    assert [key for _, key in found.of(b"t").near(vector, 0.5)] == [b"2"]
    put(b"3", b"s")
    assert [key for _, key in found.of(b"s").near(vector, 0.5)] == [b"1", b"3"]
