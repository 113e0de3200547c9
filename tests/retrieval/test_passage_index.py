"""Passages in one folder, found by words, by vectors or by both."""

import copy
import pickle

import numpy as np
import pytest

from acclimate.core.domain import Document
from acclimate.core.errors import BackendError, ConfigError, DataError
from acclimate.retrieval import build_index as build_file
from acclimate.retrieval.build_index import indexed_text
from acclimate.retrieval.passage_index import PassageIndex
from acclimate.retrieval.rank_fusion import reciprocal_rank_fusion


def _sent(index):
    return pickle.loads(pickle.dumps(index))


QUERIES = ["where does the cat live", "food number 7", "house 4 sheep", "zzz"]
HOWS = ["lexical", "dense", "hybrid"]


def build(folder, documents, encoder="lsa"):
    return PassageIndex.build(folder, documents, chunk_tokens=8, overlap_tokens=0, encoder=encoder)


def hits(index, how, num=4):
    return index.search(QUERIES, num_passages=num, mode=how)


def edited(documents, number, text="An entirely new text about ants."):
    return [
        d if i != number else d.model_copy(update={"text": text}) for i, d in enumerate(documents)
    ]


@pytest.mark.parametrize("how", HOWS)
def test_the_right_passage_is_first(tmp_path, documents, how):
    found = hits(build(tmp_path, documents), how)
    assert [f[0].document for f in found[:3]] == ["d0", "d7", "d4"]
    assert [f[0].title for f in found[1:3]] == ["Duck > Food", "Sheep > Home"]
    assert found[3] == []


@pytest.mark.parametrize("how", HOWS)
def test_opened_again_it_finds_the_same(tmp_path, documents, how):
    built = build(tmp_path, documents)
    assert hits(PassageIndex.open(tmp_path), how) == hits(built, how)


def test_dense_order_is_brute_force_cosine(tmp_path, documents, counting):
    index = build(tmp_path, documents, "some/model")
    texts = [indexed_text(p) for p in index._passages]
    cosines = counting.encode(QUERIES[:1]) @ counting.encode(texts).T
    nearest = np.argsort(-cosines[0], kind="stable")[:4]
    assert hits(index, "dense")[0] == [index._passages[int(n)] for n in nearest]


def test_hybrid_is_the_fusion_of_both(tmp_path, documents):
    index = build(tmp_path, documents)
    rankings = zip(hits(index, "lexical", 50), hits(index, "dense", 50), strict=True)
    for found, (words, vectors) in zip(hits(index, "hybrid"), rankings, strict=True):
        numbers = {p: n for n, p in enumerate(index._passages)}
        fused = reciprocal_rank_fusion([[numbers[p] for p in r] for r in (words, vectors)])
        assert [numbers[p] for p in found] == [n for n, _ in fused[:4]]


def test_no_queries_no_answers(tmp_path, documents):
    index = build(tmp_path, documents)
    assert [index.search([], num_passages=3, mode=how) for how in HOWS] == [[], [], []]


def test_without_encoder_there_are_words_only(tmp_path, documents):
    index = build(tmp_path, documents, "")
    assert hits(index, "lexical")[0][0].document == "d0"
    with pytest.raises(ConfigError, match="without an encoder"):
        hits(index, "hybrid")


def test_documents_that_cannot_be_indexed(tmp_path, documents):
    with pytest.raises(DataError, match="two documents have the id 'd0'"):
        build(tmp_path, [*documents, documents[0]])
    with pytest.raises(DataError, match="none of 1 documents has text"):
        build(tmp_path, [Document(id="a", text=" \n")])
    assert list(tmp_path.iterdir()) == []


def test_update_encodes_only_what_changed(tmp_path, documents, counting):
    index = build(tmp_path, documents, "some/model")
    counting.seen.clear()
    changed = [*edited(documents, 2)[1:], Document(id="new", title="Ant", text="Ants bite.")]
    updated = index.update(changed)
    assert sorted(counting.seen) == ["Ant\nAnts bite.", "Horse\nAn entirely new text about ants."]
    counting.seen.clear()
    assert hits(updated, "dense") == hits(build(tmp_path / "full", changed, "some/model"), "dense")


@pytest.mark.parametrize("encoder", ["", "lsa"])
def test_update_equals_a_full_build_by_words(tmp_path, documents, encoder):
    changed = edited(documents[3:], 1) + documents[:1]
    updated = build(tmp_path / "one", documents, encoder).update(changed)
    full = build(tmp_path / "two", changed, encoder)
    assert updated._lexical.search(QUERIES, 9) == full._lexical.search(QUERIES, 9)
    assert hits(updated, "lexical") == hits(full, "lexical")
    assert updated.manifest.documents == full.manifest.documents
    assert "d1" not in {p.document for p in updated._passages}


def test_a_learnt_encoder_folds_in_few_changes_and_is_fitted_anew_for_many(tmp_path, documents):
    index = build(tmp_path, documents)
    few = index.update([*documents, Document(id="n", title="Ant", text="The ant eats food.")])
    np.testing.assert_array_equal(few._dense.vectors()[:20], index._dense.vectors())
    np.testing.assert_array_equal(few._encoder.idf, index._encoder.idf)
    assert few.manifest.learnt_from == index.manifest.learnt_from
    many = few.update([*documents[:8], Document(id="n", title="Ant", text="The ant eats food.")])
    assert "ant" in many._encoder.vocabulary
    assert "ant" not in few._encoder.vocabulary
    assert many.manifest.learnt_from == tuple(many.manifest.documents.values())


def test_small_changes_add_up_to_a_new_fit(tmp_path, documents):
    index = build(tmp_path, documents)
    fits = []
    for number in range(3):
        documents = edited(documents, number, f"Word{number} is new.")
        index = index.update(documents)
        fits.append(index.manifest.learnt_from == tuple(index.manifest.documents.values()))
    # One of ten edited: 2 of 11 digests differ (0.18); two: 4 of 12 (0.33); then 0.18 again.
    assert fits == [False, True, False]


@pytest.mark.parametrize("broken", ["write_dense", "write_lexical", "hash_files"])
def test_a_failed_update_leaves_the_index_as_it_was(tmp_path, documents, monkeypatch, broken):
    index = build(tmp_path, documents)
    files = sorted(p for p in tmp_path.rglob("*") if p.suffix != ".lock")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(build_file, broken, fail)
    with pytest.raises(OSError, match="disk full"):
        index.update(documents[:5])
    assert sorted(p for p in tmp_path.rglob("*") if p.suffix != ".lock") == files
    assert PassageIndex.open(tmp_path).manifest == index.manifest


def test_what_a_killed_build_left_is_never_read_and_goes(tmp_path, documents):
    left = tmp_path / "index-left"
    left.mkdir()
    (left / "passages.jsonl").write_text("half")
    with pytest.raises(BackendError, match="no index here"):
        PassageIndex.open(tmp_path)
    index = build(tmp_path, documents)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["index.json", index.manifest.part])


def test_an_old_reader_goes_on_after_an_update(tmp_path, documents):
    old = build(tmp_path, documents)
    before = hits(old, "hybrid")
    old.update(documents[5:])
    assert hits(old, "hybrid") == before


def test_a_reader_that_comes_too_late_is_told(tmp_path, documents):
    build(tmp_path, documents)
    old = PassageIndex.open(tmp_path)
    build(tmp_path, documents)
    with pytest.raises(BackendError, match="replaced or removed; open it again"):
        hits(old, "lexical")


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, _sent])
def test_it_can_be_copied_and_sent(tmp_path, documents, duplicate):
    index = build(tmp_path, documents)
    before = hits(index, "hybrid")
    assert hits(duplicate(index), "hybrid") == before


def test_a_copied_folder_is_an_index(tmp_path, documents):
    index = build(tmp_path / "one", documents)
    index.copy(tmp_path / "deep" / "two")
    (tmp_path / "one").rename(tmp_path / "gone")
    assert hits(PassageIndex.open(tmp_path / "deep" / "two"), "hybrid")[0][0].document == "d0"


def test_another_encoder_under_the_same_name_is_refused(tmp_path, documents, counting):
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "weights").write_text("1")
    build(tmp_path / "i", documents, str(folder))
    (folder / "weights").write_text("2")
    with pytest.raises(BackendError, match="changed since; build the index again"):
        hits(PassageIndex.open(tmp_path / "i"), "dense")
