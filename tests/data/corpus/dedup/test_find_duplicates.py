"""Duplicates against datasketch's own index and against a search of all pairs."""

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH

from acclimate.data.corpus.dedup.find_duplicates import find_duplicates
from acclimate.data.corpus.dedup.minhash import NUM_BAND_ROWS, NUM_BANDS, NUM_HASHES, signature
from acclimate.data.corpus.filters.word_counts import WordReader


def changed(text, num_words, rng):
    words = text.split()
    for place in rng.choice(len(words), num_words, replace=False):
        words[place] = f"new{rng.integers(10**9)}"
    return " ".join(words)


def corpus(num_originals, seed=0):
    """Texts of 100 words; after each some copies with none to four words changed."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(num_originals):
        texts.append(" ".join(f"w{n}" for n in rng.integers(0, 10**6, 100)))
        original = texts[-1]
        texts += [changed(original, int(n), rng) for n in rng.integers(0, 5, rng.integers(0, 4))]
    return texts


def find(texts, folder, similarity=0.8):
    reader = WordReader()
    signatures = np.stack([signature(reader.read(text)) for text in texts])
    path = folder / "signatures.bin"
    path.write_bytes(signatures.astype("<u4").tobytes())
    contents = np.array([hash(text) % 2**64 for text in texts], dtype=np.uint64)
    return find_duplicates(contents, path, similarity), signatures


def groups_of_pairs(count, pairs):
    """The first of each group, when the pairs are made groups the slow way."""
    kept = list(range(count))
    for one, other in pairs:
        low, high = sorted((kept[one], kept[other]))
        kept = [low if k == high else k for k in kept]
    return kept


def test_groups_are_those_of_a_search_of_all_pairs(tmp_path):
    texts = corpus(60)
    found, signatures = find(texts, tmp_path)
    bands = signatures.reshape(len(texts), NUM_BANDS, NUM_BAND_ROWS)
    pairs = [
        (i, j)
        for j in range(len(texts))
        for i in range(j)
        if (signatures[i] == signatures[j]).mean() >= 0.8
        and (bands[i] == bands[j]).all(axis=1).any()
    ]
    assert len(pairs) > 40
    assert found.kept.tolist() == groups_of_pairs(len(texts), pairs)
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    assert found.is_exact.tolist() == [first[text] != i for i, text in enumerate(texts)]


def test_what_datasketch_finds_is_found(tmp_path):
    texts = corpus(60, seed=1)
    found, signatures = find(texts, tmp_path)
    index = MinHashLSH(num_perm=NUM_HASHES, params=(NUM_BANDS, NUM_BAND_ROWS))
    sketches = [MinHash(hashvalues=row, scheme="affine32") for row in signatures]
    for number, sketch in enumerate(sketches):
        index.insert(number, sketch)
    pairs = [
        (i, j)
        for j, sketch in enumerate(sketches)
        for i in index.query(sketch)
        if i < j and sketch.jaccard(sketches[i]) >= 0.8
    ]
    assert found.kept.tolist() == groups_of_pairs(len(texts), pairs)


def test_the_similarity_is_the_setting_s(tmp_path):
    texts = corpus(40, seed=2)
    kept = [find(texts, tmp_path, s)[0].is_kept.sum() for s in (0.7, 0.8, 0.9, 1.0)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


@pytest.mark.parametrize("texts", [["one text"], ["a b", "c d"], ["a b"] * 5])
def test_few_documents(texts, tmp_path):
    found, _ = find(texts, tmp_path)
    assert found.kept.tolist() == [texts.index(text) for text in texts]


def test_a_chain_of_similar_texts_is_one_group(tmp_path):
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{n}" for n in range(200))]
    for _ in range(30):
        texts.append(changed(texts[-1], 1, rng))
    found, signatures = find(texts, tmp_path)
    assert found.kept.tolist() == [0] * 31
    assert (signatures[0] == signatures[30]).mean() < 0.8
