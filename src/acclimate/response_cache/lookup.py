"""Answers of one model, found by their prompt or by one like it."""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
from pydantic import TypeAdapter

from acclimate.core.model import Completion, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.record import digest
from acclimate.response_cache.similarity import PromptSimilarity, without_last_turn
from acclimate.response_cache.sqlite_store import AnswerStore, CachedAnswer
from acclimate.retrieval.vector_index import Vectors

_COMPLETION = TypeAdapter(Completion)


@dataclass
class LookupResult:
    """What there is for the prompts of a call, by their keys."""

    held: dict[bytes, Completion]
    """Answers from before."""
    alike: dict[bytes, bytes] = field(default_factory=dict)
    """Whose answer a prompt shares that has none of its own: one that is held or is new itself."""
    scopes: dict[bytes, bytes] = field(default_factory=dict)
    vectors: dict[bytes, Vectors] = field(default_factory=dict)

    def is_new(self, key: bytes) -> bool:
        """Whether the model must be asked."""
        return key not in self.held and key not in self.alike


class AnswerLookup:
    """Reads and writes a store for one model; any thread may."""

    def __init__(
        self,
        store: AnswerStore | None,
        model: str,
        max_age_seconds: float,
        likeness: PromptSimilarity | None,
    ) -> None:
        """Keep answers in a store.

        Args:
            store: None: nothing is kept, and prompts share answers within a call alone.
            model: Identity of the model that answers.
            max_age_seconds: Older answers are not found.
            likeness: Of prompts that may share an answer; None: they must be the same.
        """
        self.store, self.model, self.max_age_seconds = store, model, max_age_seconds
        self.likeness = likeness
        self._neighbourhoods = VectorScopes(store)
        self._lock = threading.Lock()

    def find(self, asked: Mapping[bytes, Prompt], sampling: Sampling) -> LookupResult:
        """What is held for prompts, by their keys, or for others like them.

        Answers that are drawn at random are never shared by likeness.
        """
        found = LookupResult({k: answer for k in asked if (answer := self._held(k)) is not None})
        left = {key: prompt for key, prompt in asked.items() if key not in found.held}
        if self.likeness is not None and left and not sampling.temperature:
            how = sampling.model_dump_json()
            rows = self.likeness.vectors(list(left.values()))
            found.vectors = dict(zip(left, rows, strict=True))
            for key, prompt in left.items():
                scope = digest([self.model, how, repr(without_last_turn(prompt))])
                found.scopes[key] = bytes.fromhex(scope)
            self._share(found)
        return found

    def keep(self, made: Mapping[bytes, Completion], found: LookupResult) -> None:
        """Keep new answers to what was not found."""
        found.held.update(made)
        if self.store is not None and made:
            self.store.put(self._kept(key, answer, found) for key, answer in made.items())

    def _share(self, found: LookupResult) -> None:
        """Give each prompt the nearest that is near enough, be it held or new before it."""
        threshold = self.likeness.threshold if self.likeness else 1.0
        new, its_keys = VectorScopes(None), set()
        with self._lock:
            for key, scope in found.scopes.items():
                vector = found.vectors[key]
                near = self._neighbourhoods.of(scope).near(vector, threshold)
                near += new.of(scope).near(vector, threshold)
                ranked = (other for _, other in sorted(near, key=lambda one: -one[0]))
                shared = next((k for k in ranked if k in its_keys or self._recall(k, found)), None)
                if shared is not None:
                    found.alike[key] = shared
                else:
                    its_keys.add(key)
                    new.of(scope).add(key, vector)

    def _recall(self, key: bytes, found: LookupResult) -> bool:
        """Whether an answer is still held; if so, it is found."""
        if key not in found.held and (answer := self._held(key)) is not None:
            found.held[key] = answer
        return key in found.held

    def _held(self, key: bytes) -> Completion | None:
        written = self.store.get(key, self.max_age_seconds) if self.store is not None else None
        try:
            return None if written is None else _COMPLETION.validate_python(json.loads(written))
        except ValueError:
            return None  # as another version wrote it

    def _kept(self, key: bytes, answer: Completion, found: LookupResult) -> CachedAnswer:
        vector = found.vectors.get(key)
        return CachedAnswer(
            key,
            self.model,
            found.scopes.get(key, b""),
            b"" if vector is None or not vector.any() else vector.tobytes(),
            json.dumps(asdict(answer), ensure_ascii=False).encode(),
        )


# MERGED: Whose prompt is near another, among the answers that a store holds vectors of.
#
# Letters: N prompts, C of a vector.


MAX_SCOPES = 64
"""Held in memory; another is read again from the store when it is asked for."""
MAX_KEYS = 20_000
"""Of a scope, the newest: compared one by one in a few milliseconds."""
_ROUNDING = 1e-6
"""Of a cosine, by the order of its sums."""


class NearestVectors:
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


class VectorScopes:
    """Neighbours by scope, kept up with what any process adds to a store."""

    def __init__(self, store: AnswerStore | None) -> None:
        """Begin with what the store holds, if there is one."""
        self._store = store
        self._held: OrderedDict[bytes, NearestVectors] = OrderedDict()

    def of(self, scope: bytes) -> NearestVectors:
        """Those of a scope as they are now."""
        found = self._held.setdefault(scope, NearestVectors())
        self._held.move_to_end(scope)
        while len(self._held) > MAX_SCOPES:
            self._held.popitem(last=False)
        for row, key, vector in self._store.vectors(scope, found.last_row) if self._store else ():
            found.last_row = row
            found.add(key, np.frombuffer(vector, np.float32))
        return found
