"""Latent semantic analysis against scikit-learn's own pipeline."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from acclimate.core.errors import BackendError
from acclimate.data.normalization import words
from acclimate.retrieval.encoders import lsa
from acclimate.retrieval.encoders.lsa import LsaEncoder

TEXTS = [
    "the cat sat on the mat and the cat slept",
    "a dog and a cat fight",
    "json.dumps writes json",
    "json.loads reads json text",
    "dogs sleep on the mat",
    "text is read and written",
]
NEW = ["a cat on a mat", "reading json", "unheard-of"]


def test_vectors_are_those_of_the_pipeline(monkeypatch):
    monkeypatch.setattr(lsa, "NUM_COMPONENTS", 3)
    peer = make_pipeline(
        TfidfVectorizer(analyzer=words, sublinear_tf=True, dtype=np.float32),
        TruncatedSVD(3, algorithm="arpack", random_state=0),
        Normalizer(),
    ).fit(TEXTS)
    ours = LsaEncoder.fit(TEXTS)
    for texts in (TEXTS, NEW):
        mine, theirs = ours.encode(texts), peer.transform(texts)
        # Singular vectors are unique up to their sign, so cosines are compared, not coordinates.
        np.testing.assert_allclose(
            mine @ ours.encode(TEXTS).T, theirs @ peer.transform(TEXTS).T, atol=1e-4
        )


def test_rows_have_length_one_or_zero():
    lengths = np.linalg.norm(LsaEncoder.fit(TEXTS).encode([*TEXTS, "zzz"]), axis=1)
    np.testing.assert_allclose(lengths, [1] * 6 + [0], atol=1e-6)


def test_the_same_texts_give_the_same_encoder():
    one, two = LsaEncoder.fit(TEXTS), LsaEncoder.fit(TEXTS)
    np.testing.assert_array_equal(one.encode(NEW), two.encode(NEW))


def test_saved_without_pickle_and_loaded_the_same(tmp_path):
    encoder = LsaEncoder.fit(TEXTS)
    encoder.write(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "axes.npy",
        "idf.npy",
        "vocabulary.json",
    ]
    np.testing.assert_array_equal(LsaEncoder.read(tmp_path).encode(NEW), encoder.encode(NEW))


def test_files_that_do_not_fit_are_refused(tmp_path):
    LsaEncoder.fit(TEXTS).write(tmp_path)
    np.save(tmp_path / "idf.npy", np.ones(3, np.float32))
    with pytest.raises(BackendError, match="not a saved lsa encoder"):
        LsaEncoder.read(tmp_path)


@pytest.mark.parametrize("texts", [["one"], ["one two"], ["?!"], ["a", "a"]])
def test_hardly_any_text(texts):
    encoder = LsaEncoder.fit(texts)
    known = bool(words(texts[0]))
    assert np.linalg.norm(encoder.encode(texts)[0]) == pytest.approx(float(known), abs=1e-6)
