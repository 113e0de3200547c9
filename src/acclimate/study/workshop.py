"""Fit recipes node by node; what was fitted before, in any study, is reused."""

import hashlib
import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from acclimate.core.afresh import afresh
from acclimate.core.cost import Cost, metered
from acclimate.core.data import TrainData, digest
from acclimate.core.errors import BackendError
from acclimate.core.method import CompositeMethod, MemberSpec, Method, member_specs_of
from acclimate.core.model import Model
from acclimate.core.notebook import Notes, noted
from acclimate.core.saved import load_model, save_model
from acclimate.core.store import Store
from acclimate.study.machine import matrix_product
from acclimate.text.corpus.sources import find_sources


@dataclass(frozen=True)
class Node:
    """A model in hand, what identifies it, and what it took to make, its parents counted."""

    model: Model
    key: str
    costs: tuple[Cost, ...] = ()
    """Of each fit behind it."""
    notes: Mapping[str, Notes] = field(default_factory=dict)
    """Method → what its fit told; its parents' too."""

    @property
    def cost(self) -> Cost:
        """Of all of them."""
        return sum(self.costs, Cost())

    def then(self, method: Method, model: Model, key: str, made: Mapping[str, Any]) -> "Node":
        """The node that a method made of this one, by what is kept beside its artifact."""
        name = type(method).__module__.rpartition(".")[2]
        if name in self.notes:
            name = f"{name}, step {len(self.notes) + 1}"
        notes = {**self.notes, name: Notes(**made["notes"])}
        costs = (*self.costs, Cost(**made["cost"]))
        return Node(model, key, costs, notes)

    def having(self, members: Sequence["Node"]) -> "Node":
        """The same, what its members took counted in; what they share counts once."""
        parts = {cost for member in members for cost in member.costs} - set(self.costs)
        return replace(self, costs=(*self.costs, *parts))


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
        return self._key_after(self.base.key, methods, seed)

    def node(self, methods: tuple[Method, ...], seed: int) -> Node:
        """The fitted chain: from memory, from the store, or fitted now.

        Raises:
            NotApplicableError: A method cannot work on what comes before it.
            BackendError: A method gives something that is no model.
        """
        return self._after(self.base, methods, seed)

    def _after(self, parent: Node, methods: tuple[Method, ...], seed: int) -> Node:
        for method in methods:
            parent = self._next(parent, method, seed)
        return parent

    def _next(self, parent: Node, method: Method, seed: int) -> Node:
        key = self._key(method, parent.key, seed)
        made = self._held.pop(key, None) or self._made(method, parent, key, seed)
        self._held[key] = made
        while len(self._held) > self.kept:
            self._held.popitem(last=False)
        return made

    def _made(self, method: Method, parent: Node, key: str, seed: int) -> Node:
        method.require(parent.model, self.data)
        # Before the clock starts: what members took is theirs, whoever fitted them first.
        members = [self._member(spec, parent, seed) for spec in member_specs_of(method)]
        outside = {"": parent.model, **{member.key: member.model for member in members}}
        found = self._stored(method, parent, key, outside)
        if found is not None:
            return found.having(members)
        about: dict[str, Any] = {
            "method": type(method).__name__,
            "fields": method.model_dump(mode="json"),
            "matrix_product": matrix_product(),
        }
        with self.store.put(key, about) as folder:
            with metered() as meter, noted() as notebook, afresh():
                model = self._fit(method, parent.model, [m.model for m in members], seed)
            if not isinstance(model, Model):
                raise BackendError(
                    f"{type(method).__name__}.fit gave {type(model).__name__}, must give a Model; "
                    "is its last line a return?"
                )
            save_model(model, folder, outside=outside)
            about["cost"] = meter.cost.model_dump()
            about["notes"] = notebook.notes().model_dump()
        return parent.then(method, model, key, about).having(members)

    def _stored(
        self, method: Method, parent: Node, key: str, outside: Mapping[str, Model]
    ) -> Node | None:
        folder = self.store.get(key)
        if folder is None:
            return None
        try:
            model = load_model(folder, outside=outside)
            return parent.then(method, model, key, self.store.about(key))
        except (BackendError, KeyError):
            # Written by a version that saved otherwise: as good as not there.
            self.store.remove(key)
            return None

    def _fit(self, method: Method, base: Model, members: Sequence[Model], seed: int) -> Model:
        if isinstance(method, CompositeMethod):
            return method.fit(base, self.data, seed=seed, members=members)
        return method.fit(base, self.data, seed=seed)

    def _member(self, spec: MemberSpec, parent: Node, seed: int) -> Node:
        if spec.source is not None:
            parent = Node(spec.source.load(), spec.source.fingerprint())
        return self._after(parent, spec.methods, seed)

    def _key_after(self, parent: str, methods: tuple[Method, ...], seed: int) -> str:
        for method in methods:
            parent = self._key(method, parent, seed)
        return parent

    def _key(self, method: Method, parent: str, seed: int) -> str:
        members = [
            self._key_after(s.source.fingerprint() if s.source else parent, s.methods, seed)
            for s in member_specs_of(method)
        ]
        return digest(
            {
                "method": type(method).__name__,
                "fields": method,
                "parent": parent,
                "data": self._data_key,
                "seed": seed if method.depends_on_seed else None,
                "code": _code(type(method)),
                **({"members": members} if members else {}),
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
