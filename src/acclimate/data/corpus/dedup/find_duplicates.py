"""Which documents repeat an earlier one: by hash, and by similar signatures."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acclimate.core.runtime.progress import progress
from acclimate.data.corpus.dedup.minhash import NUM_BAND_ROWS, NUM_BANDS, NUM_HASHES

_ROW_BYTES = 4 * NUM_HASHES
_READ_ROWS, _COMPARE_PAIRS = 2**14, 2**12
"""Signatures in memory together: 8 MiB when bands are read, 4 MiB when pairs are compared."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
_BAND_POWERS = np.array([pow(int(_MIX), k, 2**64) for k in range(NUM_BAND_ROWS)], dtype=np.uint64)

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """For each of N documents the earlier one that stands for it."""

    kept: Numbers
    """(N,) Number of the document that is kept, its own where it is kept itself."""
    is_exact: npt.NDArray[np.bool_]
    """(N,) Whether it is dropped because its text is that of an earlier one."""

    @property
    def is_kept(self) -> npt.NDArray[np.bool_]:
        """(N,) Whether a document is the first of its group."""
        is_first: npt.NDArray[np.bool_] = self.kept == np.arange(len(self.kept))
        return is_first


def find_duplicates(
    contents: npt.NDArray[np.uint64], signatures: Path, similarity: float
) -> Duplicates:
    """Group documents by equal text, then by similar signatures; the first of a group is kept.

    Similar to similar is one group. Memory is some 60 bytes a document; signatures stay on the
    disk and are read once for each band.

    Args:
        contents: (N,) A hash of each text.
        signatures: File of N signatures, one after the other, little-endian.
        similarity: Share of equal hashes in two signatures, the estimate of their Jaccard
            similarity, from which on one is dropped.
    """
    _, first, inverse = np.unique(contents, return_index=True, return_inverse=True)
    parents: Numbers = first[inverse].astype(np.int64)
    is_exact = parents != np.arange(len(parents))
    distinct = np.flatnonzero(~is_exact)
    with signatures.open("rb") as file, progress("finding duplicates", NUM_BANDS) as advance:
        for band in range(NUM_BANDS):
            keys = _band_keys(file.fileno(), band, len(contents))[distinct]
            for left, right in _candidates(keys, distinct):
                _join(parents, left, right, file.fileno(), similarity)
            advance(1)
    return Duplicates(_roots(parents, np.arange(len(parents))), is_exact)


def _band_keys(file: int, band: int, count: int) -> npt.NDArray[np.uint64]:
    """The rows of one band of every signature as one number, (N,)."""
    keys = np.empty(count, dtype=np.uint64)
    part = slice(band * NUM_BAND_ROWS, (band + 1) * NUM_BAND_ROWS)
    for start in range(0, count, _READ_ROWS):
        block = os.pread(file, _READ_ROWS * _ROW_BYTES, start * _ROW_BYTES)
        rows = np.frombuffer(block, dtype="<u4").reshape(-1, NUM_HASHES)  # (rows, NUM_HASHES)
        keys[start : start + len(rows)] = rows[:, part].astype(np.uint64) @ _BAND_POWERS
    return keys


def _candidates(
    keys: npt.NDArray[np.uint64], numbers: Numbers
) -> Iterator[tuple[Numbers, Numbers]]:
    """Pairs with equal keys: each with the first of its run, then with the one before it."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    is_same = np.concatenate([[False], ranked[1:] == ranked[:-1]])
    run_starts = np.maximum.accumulate(np.where(is_same, 0, np.arange(len(keys))))
    later = np.flatnonzero(is_same)
    yield numbers[order[run_starts[later]]], numbers[order[later]]
    yield numbers[order[later - 1]], numbers[order[later]]


def _join(parents: Numbers, left: Numbers, right: Numbers, file: int, similarity: float) -> None:
    """Make one group of the groups of each pair that is similar."""
    for start in range(0, len(left), _COMPARE_PAIRS):
        part = slice(start, start + _COMPARE_PAIRS)
        one, other = left[part], right[part]
        is_apart = _roots(parents, one) != _roots(parents, other)
        one, other = one[is_apart], other[is_apart]
        is_alike = (_read(file, one) == _read(file, other)).mean(axis=1) >= similarity
        for a, b in zip(one[is_alike].tolist(), other[is_alike].tolist(), strict=True):
            root, root_b = _root(parents, a), _root(parents, b)
            parents[max(root, root_b)] = min(root, root_b)


def _read(file: int, numbers: Numbers) -> npt.NDArray[np.uint32]:
    """Some signatures, (len(numbers), NUM_HASHES)."""
    rows = (os.pread(file, _ROW_BYTES, number * _ROW_BYTES) for number in numbers.tolist())
    return np.frombuffer(b"".join(rows), dtype="<u4").reshape(-1, NUM_HASHES)


def _root(parents: Numbers, number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = int(parents[number])
    return number


def _roots(parents: Numbers, numbers: Numbers) -> Numbers:
    roots = parents[numbers]
    while not np.array_equal(above := parents[roots], roots):
        roots = above
    return roots
