"""Documents to train, dev and test: whole ones by a seed, or each cut by position."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from acclimate.data.corpus.settings import CorpusSettings

CORPUS_SPLITS = ("train", "dev", "test")


def num_wanted(settings: CorpusSettings) -> int:
    """How many splits are to have anything in them."""
    return 1 + (settings.dev_share > 0) + (settings.test_share > 0)


def assign(
    origins: npt.NDArray[np.uint64], sizes: npt.NDArray[np.int64], settings: CorpusSettings
) -> npt.NDArray[np.uint8]:
    """The split of every document, as its index in `SPLITS`.

    Origins come in the order of their hashes, so that a document that is added moves few others.
    Dev takes the first ones until it has its share of the bytes, test the next; each gets at least
    one that wants any, and so does train.

    Args:
        origins: (N,) A seeded hash of each document's origin; those of one origin stay together.
            There are as many distinct ones as splits wanted, or more.
        sizes: (N,) Bytes of each.
        settings: With the shares.
    """
    distinct, inverse = np.unique(origins, return_inverse=True)
    before = np.concatenate([[0.0], np.cumsum(np.bincount(inverse, weights=sizes))])
    split = np.zeros(len(distinct), dtype=np.uint8)
    start = 0
    shares = [s for s in ((1, settings.dev_share), (2, settings.test_share)) if s[1]]
    for still_wanted, (index, share) in zip(range(len(shares), 0, -1), shares, strict=True):
        end = int(np.searchsorted(before, before[start] + share * before[-1]))
        end = min(max(end, start + 1), len(distinct) - still_wanted)
        split[start:end] = index
        start = end
    return split[inverse]


def cut_by_position(
    text: str, start: int, total: int, settings: CorpusSettings
) -> Iterator[tuple[str, str]]:
    """Pieces of a text with their splits: the beginning is train, then test, the end is dev.

    Args:
        text: The whole, or a part of it.
        start: Characters of the whole before it.
        total: Characters of the whole.
        settings: With the shares, here of the characters.
    """
    begin = 0
    ends = {
        "train": 1 - settings.dev_share - settings.test_share,
        "test": 1 - settings.dev_share,
        "dev": 1.0,
    }
    for split, share in ends.items():
        end = int(share * total)
        piece = text[max(0, begin - start) : max(0, end - start)]
        if piece:
            yield split, piece
        begin = end
