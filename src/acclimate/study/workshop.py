"""Fit recipes node by node; what was fitted before, in any study, is reused."""

import hashlib
import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acclimate.core.cost import Cost, metered
from acclimate.core.data import TrainData, digest
from acclimate.core.errors import BackendError
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.core.notebook import Notes, noted
from acclimate.core.saved import load_model, save_model
from acclimate.core.store import Store
from acclimate.text.corpus.sources import find_sources


@dataclass(frozen=True)
class Node:
    """A model in hand, what identifies it, and what it took to make, its parents counted."""

    model: Model
    key: str
    cost: Cost = field(default_factory=Cost)
    notes: Mapping[str, Notes] = field(default_factory=dict)
    """Method → what its fit told; its parents' too."""

    def then(self, method: Method, model: Model, key: str, made: Mapping[str, Any]) -> "Node":
        """The node that a method made of this one, by what is kept beside its artifact."""
        name = type(method).__module__.rpartition(".")[2]
        if name in self.notes:
            name = f"{name}, step {len(self.notes) + 1}"
        notes = {**self.notes, name: Notes(**made["notes"])}
        return Node(model, key, self.cost + Cost(**made["cost"]), notes)


class Workshop:
    """Makes and keeps the models of one base on one domain's training data."""

    kept = 6
    """Models held in memory: parents are met again soon, and large ones must go."""

    def __init__(self, base: Node, data: TrainData, store: Store) -> None:
        """Begin from a base; artifacts are kept in `store`."""
        self.base = base
        self.data = data
        self.store = store
        self._data_key = digest(data)
        self._held: OrderedDict[str, Node] = OrderedDict()

    def key(self, methods: tuple[Method, ...], seed: int) -> str:
        """Digest of everything the model follows from; nothing is fitted."""
        key = self.base.key
        for method in methods:
            key = self._key(method, key, seed)
        return key

    def node(self, methods: tuple[Method, ...], seed: int) -> Node:
        """The fitted chain: from memory, from the store, or fitted now.

        Raises:
            NotApplicableError: A method cannot work on what comes before it.
            BackendError: A method gives something that is no model.
        """
        if not methods:
            return self.base
        key = self.key(methods, seed)
        if key not in self._held:
            parent = self.node(methods[:-1], seed)
            self._held[key] = self._made(methods[-1], parent, key, seed)
        self._held.move_to_end(key)
        while len(self._held) > self.kept:
            self._held.popitem(last=False)
        return self._held.get(key) or self.node(methods, seed)

    def _made(self, method: Method, parent: Node, key: str, seed: int) -> Node:
        method.require(parent.model, self.data)
        found = self._stored(method, parent, key)
        if found is not None:
            return found
        about: dict[str, Any] = {
            "method": type(method).__name__,
            "fields": method.model_dump(mode="json"),
        }
        with self.store.put(key, about) as folder:
            with metered() as meter, noted() as notebook:
                model = method.fit(parent.model, self.data, seed=seed)
            if not isinstance(model, Model):
                raise BackendError(
                    f"{type(method).__name__}.fit gave {type(model).__name__}, must give a Model; "
                    "is its last line a return?"
                )
            save_model(model, folder, outside=parent.model)
            about["cost"] = meter.cost.model_dump()
            about["notes"] = notebook.notes().model_dump()
        return parent.then(method, model, key, about)

    def _stored(self, method: Method, parent: Node, key: str) -> Node | None:
        folder = self.store.get(key)
        if folder is None:
            return None
        try:
            model = load_model(folder, outside=parent.model)
            return parent.then(method, model, key, self.store.about(key))
        except (BackendError, KeyError):
            # Written by a version that saved otherwise: as good as not there.
            self.store.remove(key)
            return None

    def _key(self, method: Method, parent: str, seed: int) -> str:
        return digest(
            {
                "method": type(method).__name__,
                "fields": method,
                "parent": parent,
                "data": self._data_key,
                "seed": seed if method.depends_on_seed else None,
                "code": _code(type(method)),
            }
            | ({"reads": _changed(method.reads)} if method.reads else {})
        )


def _changed(paths: Sequence[str]) -> list[tuple[str, int, int]]:
    """What tells that files were changed: name, size and time of each, folders' files too."""
    found = find_sources([Path(path) for path in paths])
    return [(source.name, source.num_bytes, source.changed_ns) for source in found]


def _code(kind: type[Method]) -> str:
    """Digest of the method's file: another version of it is another method."""
    return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()
