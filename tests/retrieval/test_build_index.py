"""The files of an index, written by way of what was known before."""

import numpy as np
import pytest

from acclimate.core.domain import Document
from acclimate.core.errors import DataError
from acclimate.core.runtime.progress import report_progress_to
from acclimate.retrieval.build_index import KnownVectors, write_parts
from acclimate.retrieval.manifest import make_settings
from acclimate.retrieval.passage_file import PassageFile
from acclimate.retrieval.vector_index import DenseIndex

SAME = [Document(id=i, title="T", text="same text") for i in ("a", "b")]


def test_every_file_is_named_by_the_manifest(tmp_path, documents):
    manifest = write_parts(tmp_path, documents, make_settings(8, 0, "lsa"), KnownVectors())
    assert manifest.part == tmp_path.name
    for name in ("passages.jsonl", "vectors.faiss", "encoder/axes.npy", "lexical/meta.json"):
        assert name in manifest.files
    assert list(manifest.documents) == [document.id for document in documents]
    assert len(PassageFile(tmp_path)) == 20


def test_equal_texts_are_encoded_once(tmp_path, counting):
    write_parts(tmp_path, SAME, make_settings(8, 0, "x"), KnownVectors())
    assert counting.seen == ["T\nsame text"]
    one, two = DenseIndex(tmp_path / "vectors.faiss").vectors()
    np.testing.assert_array_equal(one, two)


def test_known_vectors_are_taken_as_they_are(tmp_path, counting):
    known = KnownVectors(counting, np.eye(1, 32, dtype=np.float32), {"T\nsame text": 0})
    new = Document(id="c", title="T", text="new text")
    write_parts(tmp_path, [new, *SAME], make_settings(8, 0, "x"), known)
    assert counting.seen == ["T\nnew text"]
    vectors = DenseIndex(tmp_path / "vectors.faiss").vectors()
    np.testing.assert_array_equal(vectors[1:, 0], [1, 1])


def test_long_work_is_told(tmp_path, documents, counting):
    done = {}

    class Listener:
        def __init__(self, label, total):
            self.label, self.total = label, total

        def __enter__(self):
            done[self.label] = -self.total
            return lambda step: done.__setitem__(self.label, done[self.label] + step)

        def __exit__(self, *_):
            pass

    with report_progress_to(Listener):
        write_parts(tmp_path, documents, make_settings(8, 0, "x"), KnownVectors())
    assert done == {"cutting documents": 0, "indexing words": 0, "encoding passages": 0}


@pytest.mark.parametrize(("some", "fault"), [([], "none of 0 documents"), (SAME * 2, "the id 'a'")])
def test_nothing_to_index(tmp_path, some, fault):
    with pytest.raises(DataError, match=fault):
        write_parts(tmp_path, some, make_settings(8, 0, ""), KnownVectors())
