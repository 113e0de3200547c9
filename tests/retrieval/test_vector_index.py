"""Vector search against cosine by brute force."""

import numpy as np
import pytest

from acclimate.retrieval import vector_index as dense
from acclimate.retrieval.vector_index import DenseIndex, write_dense


def unit(rng, num, dim=16):
    vectors = rng.normal(size=(num, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("exact_below", [20_000, 100])
def test_hits_are_the_nearest_by_cosine(tmp_path, monkeypatch, exact_below):
    monkeypatch.setattr(dense, "EXACT_BELOW", exact_below)
    rng = np.random.default_rng(0)
    vectors, queries = unit(rng, 1000), unit(rng, 5)
    write_dense(tmp_path / "v", vectors)
    found = DenseIndex(tmp_path / "v").search(queries, 7)
    cosines = queries @ vectors.T
    # 1,000 vectors have 62 cells, fewer than the 64 that are searched: exact too.
    for hits, row in zip(found, cosines, strict=True):
        assert [n for n, _ in hits] == list(np.argsort(-row)[:7])
        assert [s for _, s in hits] == pytest.approx(sorted(row, reverse=True)[:7], abs=1e-5)


@pytest.mark.parametrize("exact_below", [20_000, 100])
def test_vectors_come_back_as_they_went(tmp_path, monkeypatch, exact_below):
    monkeypatch.setattr(dense, "EXACT_BELOW", exact_below)
    vectors = unit(np.random.default_rng(1), 500)
    write_dense(tmp_path / "v", vectors)
    np.testing.assert_array_equal(DenseIndex(tmp_path / "v").vectors(), vectors)


def test_many_vectors_are_found_by_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(dense, "EXACT_BELOW", 100)
    monkeypatch.setattr(dense, "NUM_PROBES", 1)
    rng = np.random.default_rng(2)
    vectors = unit(rng, 4000)
    write_dense(tmp_path / "v", vectors)
    found = DenseIndex(tmp_path / "v").search(unit(rng, 1), 4000)[0]
    assert 0 < len(found) < 4000
    assert all(number >= 0 for number, _ in found)


def test_a_zero_query_finds_nothing(tmp_path):
    write_dense(tmp_path / "v", unit(np.random.default_rng(3), 4))
    index = DenseIndex(tmp_path / "v")
    assert index.search(np.zeros((1, 16), np.float32), 2) == [[]]
    assert index.search(np.zeros((0, 16), np.float32), 2) == []


def test_more_hits_than_vectors(tmp_path):
    vectors = unit(np.random.default_rng(4), 3)
    write_dense(tmp_path / "v", vectors)
    assert len(DenseIndex(tmp_path / "v").search(vectors[:1], 50)[0]) == 3
