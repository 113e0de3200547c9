"""Indexes kept between fits."""

import pytest

from acclimate.core.domain import Document
from acclimate.core.provenance import taking_stale
from acclimate.core.runtime.cost import metered
from acclimate.retrieval.index_cache import cached_index
from changed_code import change_code

SIZES = {"chunk_tokens": 8, "overlap_tokens": 0}


def documents_and(documents, text):
    return [*documents, Document(id="new", title="Ant", text=text)]


def test_the_same_documents_are_indexed_once(documents, counting, own_store):
    first = cached_index(documents, **SIZES, encoder="some/model")
    num_encoded = len(counting.seen)
    second = cached_index(documents, **SIZES, encoder="some/model")
    assert len(counting.seen) == num_encoded > 0
    assert second == first
    assert first.folder.is_relative_to(own_store / "indexes")


@pytest.mark.parametrize(
    "other", [{"chunk_tokens": 7}, {"overlap_tokens": 1}, {"encoder": "lsa"}, {"encoder": ""}]
)
def test_other_settings_give_another_index(documents, counting, other):
    settings = {**SIZES, "encoder": "some/model"}
    first = cached_index(documents, **settings)
    assert cached_index(documents, **{**settings, **other}).folder != first.folder


def test_a_new_document_is_all_that_is_encoded(documents, counting):
    first = cached_index(documents, **SIZES, encoder="some/model")
    before = first.search(["ant"], num_passages=3, mode="dense")
    counting.seen.clear()
    second = cached_index(documents_and(documents, "Ants bite."), **SIZES, encoder="some/model")
    assert counting.seen == ["Ant\nAnts bite."]
    assert second.folder != first.folder
    assert first.search(["ant"], num_passages=3, mode="dense") == before
    counting.seen.clear()
    cached_index(documents[:3], **SIZES, encoder="some/model")
    assert counting.seen == []


def test_a_learnt_encoder_follows_from_its_documents_alone(documents, monkeypatch, tmp_path):
    more = documents_and(documents, "The ant bites.")
    cached_index(documents, **SIZES, encoder="lsa")
    after = cached_index(more, **SIZES, encoder="lsa")
    monkeypatch.setenv("ACCLIMATE_HOME", str(tmp_path / "fresh"))
    fresh = cached_index(more, **SIZES, encoder="lsa")
    assert after._encoder.vocabulary == fresh._encoder.vocabulary
    assert (after._dense.vectors() == fresh._dense.vectors()).all()


def test_a_damaged_index_is_made_again(documents):
    first = cached_index(documents, **SIZES)
    next(first.folder.rglob("passages.jsonl")).write_text("[]")
    again = cached_index(documents, **SIZES)
    assert again.search(["cat"], num_passages=1, mode="lexical")[0][0].document == "d0"


def test_searching_leaves_the_stored_index_intact(documents, counting):
    cached_index(documents, **SIZES, encoder="x").search(["cat"], num_passages=1)
    counting.seen.clear()
    cached_index(documents, **SIZES, encoder="x").search([], num_passages=1)
    assert counting.seen == []


def test_what_it_cost_is_counted_though_it_is_reused(documents, counting):
    def tokens(some):
        with metered() as meter:
            cached_index(some, **SIZES, encoder="some/model")
        return meter.cost.prompt_tokens

    more = documents_and(documents, "Ants bite.")
    assert [tokens(documents), tokens(documents)] == [20, 20]
    assert [tokens(more), tokens(more), tokens(documents)] == [21, 21, 20]
    assert len(counting.seen) == 21


CUTTERS = ("data/documents/chunking.py", "data/documents/sections.py", "retrieval/build_index.py")


@pytest.mark.parametrize("label", CUTTERS)
def test_an_index_by_other_code_is_made_again(label, documents, counting, monkeypatch):
    cached_index(documents, **SIZES, encoder="some/model")
    all_passages = list(counting.seen)
    counting.seen.clear()
    change_code(monkeypatch, label)
    cached_index(documents, **SIZES, encoder="some/model")
    assert counting.seen == all_passages


@pytest.mark.parametrize("label", CUTTERS)
def test_nor_are_its_vectors_taken_over_whatever_was_asked(label, documents, counting, monkeypatch):
    cached_index(documents, **SIZES, encoder="some/model")
    all_passages = list(counting.seen)
    counting.seen.clear()
    change_code(monkeypatch, label)
    with taking_stale():
        cached_index(documents_and(documents, "Ants bite."), **SIZES, encoder="some/model")
    assert counting.seen == [*all_passages, "Ant\nAnts bite."]
