"""What an index says of itself."""

import pytest

from acclimate.core.domain import Document
from acclimate.core.errors import BackendError, ConfigError
from acclimate.retrieval.manifest import (
    INDEX_FILE,
    changed_share,
    document_digest,
    hash_files,
    make_settings,
    read_index_manifest,
)
from acclimate.retrieval.passage_index import PassageIndex


@pytest.fixture
def folder(tmp_path, documents):
    PassageIndex.build(tmp_path / "i", documents, chunk_tokens=8, overlap_tokens=0, encoder="lsa")
    return tmp_path / "i"


@pytest.mark.parametrize(
    ("before", "now", "share"),
    [("ab", "ab", 0), ("ab", "ba", 0), ("ab", "abc", 1 / 3), ("abc", "ad", 3 / 4), ("a", "b", 1)],
)
def test_changed_share_by_hand(before, now, share):
    assert changed_share(list(before), list(now)) == pytest.approx(share)


def test_changed_share_of_nothing():
    assert changed_share([], []) == 0


def test_a_digest_is_of_what_a_search_sees():
    one = Document(id="a", title="T", text="x")
    assert document_digest(one) == document_digest(Document(id="b", title="T", text="x"))
    assert document_digest(one) != document_digest(Document(id="a", title="U", text="x"))
    assert document_digest(one) != document_digest(Document(id="a", title="T", text="y"))


def test_every_damaged_or_missing_file_is_found(folder):
    manifest = read_index_manifest(folder)
    part = folder / manifest.part
    assert len(manifest.files) > 8
    for name in manifest.files:
        content = (part / name).read_bytes()
        (part / name).unlink()
        with pytest.raises(BackendError, match="is missing since it was built"):
            read_index_manifest(folder)
        (part / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if content else b"x")
        with pytest.raises(BackendError, match="changed since it was built; build the index"):
            read_index_manifest(folder)
        (part / name).write_bytes(content)
    assert read_index_manifest(folder) == manifest


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
def test_a_damaged_manifest(folder, content):
    (folder / INDEX_FILE).write_bytes(content)
    with pytest.raises(BackendError, match="cannot be read; build the index again"):
        read_index_manifest(folder)


def test_no_index(tmp_path):
    with pytest.raises(BackendError, match="no index here"):
        read_index_manifest(tmp_path)


def test_an_index_may_not_point_outside(folder):
    manifest = read_index_manifest(folder)
    outside = manifest.model_copy(update={"part": "../elsewhere"})
    (folder / INDEX_FILE).write_text(outside.model_dump_json())
    with pytest.raises(BackendError, match="outside"):
        read_index_manifest(folder)


def test_locks_are_not_content(folder):
    part = folder / read_index_manifest(folder).part
    before = hash_files(part)
    for lock in part.rglob("*.lock"):
        lock.unlink()
    assert hash_files(part) == before


def test_sizes_that_cannot_be():
    with pytest.raises(ConfigError, match="overlap_tokens=8"):
        make_settings(8, 8, "")
