"""Signatures estimate the similarity of shingles."""

import numpy as np
import pytest
from datasketch import MinHash

from acclimate.data.corpus.dedup import minhash as signatures
from acclimate.data.corpus.dedup.minhash import NUM_HASHES, signature
from acclimate.data.corpus.filters.word_counts import WordReader

READER = WordReader()


def sign(text):
    return signature(READER.read(text))


def words(seed, count=400):
    return [f"word{n}" for n in np.random.default_rng(seed).integers(0, 10**6, count)]


def jaccard(one, other):
    one, other = ({tuple(w[i : i + 5]) for i in range(len(w) - 4)} for w in (one, other))
    return len(one & other) / len(one | other)


@pytest.mark.parametrize("num_changed", [0, 2, 8, 20, 60])
def test_equal_hashes_estimate_the_jaccard_similarity(num_changed):
    found, exact = [], []
    for seed in range(20):
        one, changed = words(seed), words(seed)
        for place in np.random.default_rng(seed).choice(400, num_changed, replace=False):
            changed[place] = "changed"
        found.append((sign(" ".join(one)) == sign(" ".join(changed))).mean())
        exact.append(jaccard(one, changed))
    # The mean of 20 estimates from 128 hashes has a standard error of at most 0.01.
    assert np.mean(found) == pytest.approx(np.mean(exact), abs=0.04)


def test_hashing_in_parts_is_hashing_at_once(monkeypatch):
    text = " ".join(words(0))
    whole = sign(text)
    monkeypatch.setattr(signatures, "_AT_ONCE", 7)
    assert sign(text).tolist() == whole.tolist()


def test_it_is_datasketch_s_signature():
    read = READER.read(" ".join(words(1)))
    sketch = MinHash(num_perm=NUM_HASHES, hashfunc=int)
    sketch.update_batch([int(gram) >> 32 for gram in read.grams(5)])
    assert signature(read).tolist() == sketch.hashvalues.tolist()


def test_short_texts_are_equal_or_not():
    assert sign("only three words").tolist() == sign("Only THREE words.").tolist()
    assert not (sign("only three words") == sign("only three cats")).any()
