"""Fit recipes node by node; what was fitted before, in any study, is reused."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from acclimate.core.domain import TrainData
from acclimate.core.errors import BackendError
from acclimate.core.method import CompositeMethod, MemberSpec, Method, member_specs_of
from acclimate.core.model import Model
from acclimate.core.provenance import Provenance, Trace
from acclimate.core.runtime.cache_bypass import bypass_caches
from acclimate.core.runtime.cost import Cost, metered
from acclimate.core.runtime.fit_log import Notes, collect_log
from acclimate.core.runtime.progress import notify
from acclimate.core.source import ModelSource
from acclimate.core.storage.artifact_store import Store
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.evaluation.model_threads import use_threads_of
from acclimate.study.artifact_key import ArtifactKeys
from acclimate.study.environment import matrices_by


@dataclass(frozen=True)
class FittedModel:
    """A model in hand, what identifies it, and what it took to make, its parents counted."""

    model: Model
    key: str
    costs: tuple[Cost, ...] = ()
    """Of each fit behind it."""
    notes: Mapping[str, Notes] = field(default_factory=dict)
    """Method → what its fit told; its parents' too."""
    made_by: Provenance = field(default_factory=Provenance)
    """By which code and libraries, and out of what, its parents' and members' too."""

    @property
    def cost(self) -> Cost:
        """Of all of them."""
        return sum(self.costs, Cost())

    @classmethod
    def of(cls, source: ModelSource) -> "FittedModel":
        """The model of a source, which is where others begin."""
        trace = Trace(type(source).__module__)
        with trace.listening():
            model = source.load()
        trace.add(model)
        return cls(model, source.fingerprint(), made_by=trace.provenance())

    def then(
        self, method: Method, model: Model, made: Mapping[str, Any], made_by: Provenance, key: str
    ) -> "FittedModel":
        """The node that a method made of this one, by what is kept beside its artifact."""
        name = type(method).__module__.rpartition(".")[2]
        if name in self.notes:
            name = f"{name}, step {len(self.notes) + 1}"
        notes = {**self.notes, name: Notes(**made["notes"])}
        costs = (*self.costs, Cost(**made["cost"]))
        return FittedModel(model, key, costs, notes, made_by)

    @property
    def content(self) -> Mapping[str, str]:
        """Its key and the digest of what lies in the store under it, where that is so."""
        return {k: digest for k, digest in self.made_by.artifacts.items() if k == self.key}

    def with_members(self, members: Sequence["FittedModel"]) -> "FittedModel":
        """The same, what its members took counted in; what they share counts once."""
        parts = {cost for member in members for cost in member.costs} - set(self.costs)
        return replace(self, costs=(*self.costs, *parts))


class FitCache:
    """Makes and keeps the models of one base on one domain's training data."""

    kept = 6
    """Models held in memory: parents are met again soon, and large ones must go."""

    def __init__(self, base: FittedModel, data: TrainData, store: Store) -> None:
        """Begin from a base; artifacts are kept in `store`."""
        self.base = base
        self.data = data
        self.store = store
        self.keys = ArtifactKeys(base.key, data)
        self._held: OrderedDict[str, FittedModel] = OrderedDict()

    def key(self, methods: tuple[Method, ...], seed: int) -> str:
        """Digest of everything that was asked for; nothing is fitted."""
        return self.keys.after(self.base.key, methods, seed)

    def content(self, key: str) -> Mapping[str, str]:
        """Of the base, and of what lies under a key and would be made the same way today."""
        made_by = self.store.made_by(key)
        there = {} if made_by.stale() else {key: made_by.artifacts[key]}
        return {**self.base.content, **there}

    def node(self, methods: tuple[Method, ...], seed: int) -> FittedModel:
        """The fitted chain: from memory, from the store, or fitted now.

        Raises:
            NotApplicableError: A method cannot work on what comes before it.
            BackendError: A method gives something that is no model.
        """
        return self._after(self.base, methods, seed)

    def _after(self, parent: FittedModel, methods: tuple[Method, ...], seed: int) -> FittedModel:
        for method in methods:
            parent = self._next(parent, method, seed)
        return parent

    def _next(self, parent: FittedModel, method: Method, seed: int) -> FittedModel:
        key = self.keys.next(parent.key, method, seed)
        made = self._held.pop(key, None) or self._made(method, parent, key, seed)
        self._held[key] = made
        while len(self._held) > self.kept:
            self._held.popitem(last=False)
        return made

    def _made(self, method: Method, parent: FittedModel, key: str, seed: int) -> FittedModel:
        method.require(parent.model, self.data)
        # Before the clock starts: what members took is theirs, whoever fitted them first.
        members = [self._member(spec, parent, seed) for spec in member_specs_of(method)]
        outside = {"": parent.model, **{member.key: member.model for member in members}}
        stored = self._stored(method, parent, members, key)
        if stored is not None:
            return stored.with_members(members)
        if self.store.has(key):
            name = type(method).__module__.rpartition(".")[2]
            reasons = self.store.stale(key, _contents(parent, members))
            notify(f"{name} is fitted again: {'; '.join(reasons)}")
        trace = _trace(method, parent, members)
        about: dict[str, Any] = {
            "method": type(method).__name__,
            "fields": method.model_dump(mode="json"),
            "matrix_product": matrices_by(),
        }
        with self.store.put(key, about, trace) as folder:
            with metered() as meter, collect_log() as notebook, bypass_caches():
                model = self._fit(method, parent.model, [m.model for m in members], seed)
            if not isinstance(model, Model):
                raise BackendError(
                    f"{type(method).__name__}.fit gave {type(model).__name__}, must give a Model; "
                    "is its last line a return?"
                )
            trace.add(model)
            save_model(model, folder, outside=outside)
            about["cost"] = meter.cost.model_dump()
            about["notes"] = notebook.notes().model_dump()
        made_by = self.store.made_by(key)
        return parent.then(method, model, about, made_by, key).with_members(members)

    def _stored(
        self, method: Method, parent: FittedModel, members: Sequence[FittedModel], key: str
    ) -> FittedModel | None:
        folder = self.store.get(key, _contents(parent, members))
        if folder is None:
            return None
        outside = {"": parent.model, **{member.key: member.model for member in members}}
        try:
            model = load_model(folder, outside=outside)
            about, made_by = self.store.about(key), self.store.made_by(key)
            return parent.then(method, model, about, made_by, key)
        except (BackendError, KeyError):
            # Written by a version that saved otherwise: as good as not there.
            self.store.remove(key)
            return None

    def _fit(self, method: Method, base: Model, members: Sequence[Model], seed: int) -> Model:
        use_threads_of(base)
        if isinstance(method, CompositeMethod):
            return method.fit(base, self.data, seed=seed, members=members)
        return method.fit(base, self.data, seed=seed)

    def _member(self, spec: MemberSpec, parent: FittedModel, seed: int) -> FittedModel:
        return self._after(
            FittedModel.of(spec.source) if spec.source else parent, spec.methods, seed
        )


def _contents(parent: FittedModel, members: Sequence[FittedModel]) -> Mapping[str, str]:
    """Key → digest of what lies in the store, of all that a model is made from."""
    return {k: digest for node in (parent, *members) for k, digest in node.content.items()}


def _trace(method: Method, parent: FittedModel, members: Sequence[FittedModel]) -> Trace:
    """What a fit runs: the method, the models in its hands, and all that these were made by."""
    trace = Trace()
    trace.add(method)
    for node in (parent, *members):
        trace.add(node.model)
        trace.add_made(node.made_by)
    return trace
