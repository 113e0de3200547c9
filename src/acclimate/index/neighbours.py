"""Whose prompt is near another, among the answers that a store holds vectors of.

Letters: N prompts, C of a vector.
"""

from collections import OrderedDict

import numpy as np

from acclimate.index.answer_store import AnswerStore
from acclimate.index.dense import Vectors

MAX_SCOPES = 64
"""Held in memory; another is read again from the store when it is asked for."""
MAX_KEYS = 20_000
"""Of a scope, the newest: compared one by one in a few milliseconds."""
_ROUNDING = 1e-6
"""Of a cosine, by the order of its sums."""


class Neighbours:
    """Keys by vector, of the prompts of one scope."""

    def __init__(self) -> None:
        """Know none."""
        self.last_row = 0
        """Of the store, that was taken in."""
        self._keys: list[bytes] = []
        self._rows: list[Vectors] = []
        self._matrix: Vectors | None = None

    def add(self, key: bytes, vector: Vectors) -> None:
        """Take one in."""
        self._keys.append(key)
        self._rows.append(vector)
        self._matrix = None
        del self._keys[:-MAX_KEYS], self._rows[:-MAX_KEYS]

    def near(self, vector: Vectors, threshold: float) -> list[tuple[float, bytes]]:
        """Cosines that are not below the threshold and their keys, nearest first."""
        if not self._keys or not vector.any():
            return []
        if self._matrix is None:
            self._matrix = np.stack(self._rows)
        # Threads of a matrix product wait for one another on a busy machine: 27 ms for 0.2.
        cosines = np.einsum("nc,c->n", self._matrix, vector)
        places = np.flatnonzero(cosines >= threshold - _ROUNDING)
        order = places[np.argsort(-cosines[places], kind="stable")]
        return [(float(cosines[place]), self._keys[place]) for place in order]


class Neighbourhoods:
    """Neighbours by scope, kept up with what any process adds to a store."""

    def __init__(self, store: AnswerStore | None) -> None:
        """Begin with what the store holds, if there is one."""
        self._store = store
        self._held: OrderedDict[bytes, Neighbours] = OrderedDict()

    def of(self, scope: bytes) -> Neighbours:
        """Those of a scope as they are now."""
        found = self._held.setdefault(scope, Neighbours())
        self._held.move_to_end(scope)
        while len(self._held) > MAX_SCOPES:
            self._held.popitem(last=False)
        for row, key, vector in self._store.vectors(scope, found.last_row) if self._store else ():
            found.last_row = row
            found.add(key, np.frombuffer(vector, np.float32))
        return found
