"""Documents in three splits, and one text cut in three."""

import numpy as np
import pytest

from acclimate.data.corpus.settings import CorpusSettings
from acclimate.data.corpus.splits import assign, cut_by_position, num_wanted

RNG = np.random.default_rng(0)


def split(origins, sizes, **shares):
    found = assign(
        np.array(origins, dtype=np.uint64), np.array(sizes), CorpusSettings(**shares)
    )  # fmt: skip
    return found.tolist()


@pytest.mark.parametrize(("dev", "test"), [(0.1, 0.05), (0.3, 0.3), (0.02, 0), (0, 0.1)])
def test_shares_of_bytes(dev, test):
    origins, sizes = RNG.integers(0, 2**63, 2000), RNG.integers(100, 1000, 2000)
    found = np.array(split(origins, sizes, dev_share=dev, test_share=test))
    for index, share in ((1, dev), (2, test)):
        # It ends with the document that reaches the share.
        assert 0 <= sizes[found == index].sum() - share * sizes.sum() <= (1000 if share else 0)


def test_one_origin_stands_in_one_split():
    origins = RNG.integers(0, 20, 300)
    found = split(origins, np.ones(300), dev_share=0.3, test_share=0.3)
    assert len(set(zip(origins, found, strict=True))) == len(set(origins))
    assert set(found) == {0, 1, 2}


def test_a_document_more_moves_few_others():
    origins, sizes = RNG.integers(0, 2**63, 500), np.full(500, 100)
    shares = {"dev_share": 0.1, "test_share": 0.1}
    before = np.array(split(origins, sizes, **shares))
    after = np.array(split([*origins, 5], [*sizes, 100], **shares))[:-1]
    assert (before != after).sum() <= 2


@pytest.mark.parametrize("sizes", [[1, 1, 1], [1000, 1, 1], [1, 1, 1000], [0, 0, 0]])
def test_every_split_that_is_wanted_gets_a_document(sizes):
    assert sorted(split([1, 2, 3], sizes, dev_share=0.4, test_share=0.4)) == [0, 1, 2]
    assert sorted(split([1, 2], sizes[:2], dev_share=0.9, test_share=0)) == [0, 1]


def test_splits_that_are_wanted():
    assert num_wanted(CorpusSettings(dev_share=0, test_share=0)) == 1
    assert num_wanted(CorpusSettings(dev_share=0.1, test_share=0)) == 2
    assert num_wanted(CorpusSettings()) == 3


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize(("dev", "test"), [(0.1, 0), (0.1, 0.2), (0.05, 0.05), (0, 0)])
def test_a_text_is_cut_first_train_then_test_last_dev(size, dev, test):
    text = "".join(chr(97 + n % 26) for n in range(1000))
    settings = CorpusSettings(dev_share=dev, test_share=test)
    pieces = {"train": "", "test": "", "dev": ""}
    for start in range(0, 1000, size):
        for name, piece in cut_by_position(text[start : start + size], start, 1000, settings):
            pieces[name] += piece
    assert "".join(pieces.values()) == text
    assert len(pieces["dev"]) == round(dev * 1000)
    assert len(pieces["train"]) == int((1 - dev - test) * 1000)
