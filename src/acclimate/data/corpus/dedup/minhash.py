"""MinHash signatures of documents, by datasketch, over 5-grams of words."""

from functools import cache
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from acclimate.data.corpus.filters.word_counts import Words

NUM_BANDS, NUM_BAND_ROWS = 16, 8
"""Two documents are compared where all rows of any band are equal: with similarity s that has the
probability 1 - (1 - s^8)^16 (Leskovec et al., "Mining of Massive Datasets", section 3.4), 0.95 at
0.8, 0.06 at 0.5. Rows as in FineWeb (Penedo et al. 2024), with two bands more."""
NUM_HASHES = NUM_BANDS * NUM_BAND_ROWS
SHINGLE_WORDS = 5
"""As in GPT-3's and FineWeb's removal of near-duplicates."""
_AT_ONCE = 2_048
"""Shingles whose hashes are in memory together; few, so that they stay in the cache."""

Signature = npt.NDArray[np.uint32]
"""(NUM_HASHES,)"""


def signature(words: Words) -> Signature:
    """The signature of a document; one of fewer words than a shingle is a single shingle."""
    from datasketch import MinHash

    grams = words.grams(min(SHINGLE_WORDS, max(1, len(words.hashes))))
    sketch: Any = MinHash(
        num_perm=NUM_HASHES, permutations=_permutations(), scheme="affine32", hashfunc=index
    )
    # The words are hashed already; the high bits of a product are its well mixed ones.
    hashes = (grams >> np.uint64(32)).tolist()
    for start in range(0, len(hashes), _AT_ONCE):
        sketch.update_batch(hashes[start : start + _AT_ONCE])
    values: Signature = sketch.hashvalues
    return values


@cache
def _permutations() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=NUM_HASHES).permutations
