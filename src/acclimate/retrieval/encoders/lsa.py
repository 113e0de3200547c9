"""Latent semantic analysis: an encoder learnt from the user's own documents."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from acclimate.core.errors import BackendError
from acclimate.core.runtime.progress import progress
from acclimate.data.normalization import words
from acclimate.retrieval.vector_index import Vectors

NUM_COMPONENTS = 512
"""Dimensions of the vectors. Deerwester et al. took 100; of 400 medical questions over 3,000
documents, 100 put the right document among three passages for 9 %, 256 for 28 %, 512 for 42 %."""
MAX_WORDS = 50_000
"""Words that are known, the most frequent first; bounds the encoder to 100 MB."""


class LsaEncoder:
    """TF-IDF (1 + log tf) projected on its largest singular vectors (Deerwester et al., 1990).

    https://doi.org/10.1002/(SICI)1097-4571(199009)41:6%3C391::AID-ASI1%3E3.0.CO;2-9, section 3.
    It needs no download and no network; a text that was not there when it was fitted is folded in
    by the same projection.
    """

    learns = True

    def __init__(self, vocabulary: Sequence[str], idf: Vectors, axes: Vectors) -> None:
        """Use words (V), their weights (V,) and the singular vectors, row by word (V, C)."""
        self.vocabulary = list(vocabulary)
        self.idf = idf
        # In this order in memory: the product with a sparse matrix would else copy all of it.
        self.axes = np.ascontiguousarray(axes)
        self._weigh = _vectorizer(self.vocabulary)
        self._weigh.idf_ = idf

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Self:
        """Learn from texts; the same texts give the same encoder."""
        weigh = _vectorizer(None)
        try:
            weighed = weigh.fit_transform(texts)
        except ValueError:
            # Texts without a single word: the encoder knows nothing, and says so with zeros.
            return cls(["."], np.ones(1, np.float32), np.zeros((1, 1), np.float32))
        size = min(NUM_COMPONENTS, *weighed.shape)
        # Threads of the linear algebra spin beside another busy process: 19 s for 2.4.
        with progress("learning vectors", 1) as advance, threadpool_limits(1):
            _, _, components = randomized_svd(weighed, size, n_iter=5, random_state=0)
            advance(1)
        known = [str(word) for word in weigh.get_feature_names_out()]
        return cls(known, weigh.idf_.astype(np.float32), components.T.astype(np.float32))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts; shape (N, C), rows of length 1, or 0 where no word is known."""
        projected = np.asarray(self._weigh.transform(texts) @ self.axes)
        lengths = np.linalg.norm(projected, axis=1, keepdims=True)
        return (projected / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def write(self, folder: Path) -> None:
        """Save as JSON and plain arrays into a folder (made if need be)."""
        folder.mkdir(parents=True, exist_ok=True)
        names = json.dumps(self.vocabulary, ensure_ascii=False)
        (folder / "vocabulary.json").write_text(names, encoding="utf-8")
        np.save(folder / "idf.npy", self.idf)
        np.save(folder / "axes.npy", self.axes)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Load what `write` saved.

        Raises:
            BackendError: The files are not there or do not fit one another.
        """
        try:
            names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
            idf = np.load(folder / "idf.npy", allow_pickle=False)
            axes = np.load(folder / "axes.npy", mmap_mode="r", allow_pickle=False)
            return cls(names, idf, axes)
        except (OSError, ValueError) as error:
            raise BackendError(f"{folder}: not a saved lsa encoder ({error})") from error


def _vectorizer(vocabulary: list[str] | None) -> TfidfVectorizer:
    # The analyser of lexical search, so that both split texts into the same words.
    limit = MAX_WORDS if vocabulary is None else None
    return TfidfVectorizer(
        analyzer=words,
        vocabulary=vocabulary,
        max_features=limit,
        sublinear_tf=True,
        dtype=np.float32,
    )
