"""What a method is: frozen hyperparameters that turn a Model into a Model."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field, SerializeAsAny

from acclimate.core.domain import TrainData
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.model import Model
from acclimate.core.record import Record
from acclimate.core.runtime.fit_log import muted
from acclimate.core.source import ModelSource

NEEDS = {
    "weights": "a model with weights",
    "logprobs": "a model that gives log-probabilities",
    "documents": "documents",
    "preferences": "preferences",
    "train_items": "training items",
}
"""What a method may ask for, as said to the user."""


class Method(Record):
    """A way to adapt a model."""

    paper: ClassVar[str] = ""
    """Where the method was published."""
    needs: ClassVar[frozenset[str]] = frozenset()
    """What it cannot do without; keys of `NEEDS`."""
    is_trained: ClassVar[bool] = False
    """Whether `fit` changes weights, so that a seed matters and something may be forgotten."""

    @property
    def depends_on_seed(self) -> bool:
        """Whether another seed may give another model."""
        return self.is_trained

    @property
    def changes_weights(self) -> bool:
        """Whether it is trained, or one of its members is."""
        return self.is_trained

    @property
    def all_needs(self) -> frozenset[str]:
        """Its own and its members'."""
        return self.needs

    @property
    def reads(self) -> tuple[str, ...]:
        """Files and folders that `fit` reads besides the data: other content, another model."""
        return ()

    @abstractmethod
    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Adapt `base`, which stays as it was."""
        raise NotImplementedError

    def unmet(self, base: Model, data: TrainData) -> list[str]:
        """What is missing for this method to run, in the user's words."""
        have = set(base.capabilities)
        have |= {"documents"} if data.documents else set()
        have |= {"preferences"} if data.preferences else set()
        have |= {"train_items"} if any(task.items for task in data.train) else set()
        return [NEEDS[need] for need in sorted(self.all_needs - have)]

    def require(self, base: Model, data: TrainData) -> None:
        """Refuse what cannot be.

        Raises:
            NotApplicableError: Something the method needs is not there.
        """
        if missing := self.unmet(base, data):
            name = type(self).__module__.rpartition(".")[2]
            raise NotApplicableError(f"{name} needs {' and '.join(missing)}")


@dataclass(frozen=True)
class MemberSpec:
    """How a member of a composite method is made."""

    methods: tuple[Method, ...] = ()
    """One after another."""
    source: ModelSource | None = None
    """Of the model that they begin from; None: that which the composite method is fitted on."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Make the member; without methods and source it is the base itself."""
        start = self.source.load() if self.source else base
        return fit_in_order(self.methods, start, data, seed=seed)


class CompositeMethod(Method):
    """A way to combine models, its members, which other methods make."""

    @property
    @abstractmethod
    def member_specs(self) -> tuple[MemberSpec, ...]:
        """How each member is made; a study makes each once, for all its recipes."""
        raise NotImplementedError

    @abstractmethod
    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Make one model of the fitted members, one a spec and in their order."""
        raise NotImplementedError

    def fit(
        self, base: Model, data: TrainData, *, seed: int, members: Sequence[Model] = ()
    ) -> Model:
        """Combine the members: those given, or those that are made now where none are.

        Raises:
            ConfigError: Not as many are given as there are specs.
            NotApplicableError: A member cannot be made of the base, or not be combined.
        """
        if members and len(members) != len(self.member_specs):
            raise ConfigError(
                f"{len(members)} models are given as members of {type(self).__name__}, which has "
                f"{len(self.member_specs)}; give one each, in their order, or none"
            )
        fitted = tuple(members) or self.fit_members(base, data, seed=seed)
        return self.combine(fitted, base, data, seed=seed)

    def fit_members(self, base: Model, data: TrainData, *, seed: int) -> tuple[Model, ...]:
        """The model of each spec; what their fits note is not noted as this method's own."""
        with muted():
            return tuple(spec.fit(base, data, seed=seed) for spec in self.member_specs)

    @property
    def depends_on_seed(self) -> bool:
        """Whether another seed may give another model, of it or of a member."""
        return super().depends_on_seed or any(m.depends_on_seed for m in self._inner_methods)

    @property
    def changes_weights(self) -> bool:
        """Whether it is trained, or one of its members is."""
        return super().changes_weights or any(m.changes_weights for m in self._inner_methods)

    @property
    def all_needs(self) -> frozenset[str]:
        """Its own and its members'; one that begins from a model of its own asks none of it."""
        needs = set(super().all_needs)
        for spec in self.member_specs:
            wanted = {need for method in spec.methods for need in method.all_needs}
            needs |= wanted - {"weights", "logprobs"} if spec.source else wanted
        return frozenset(needs)

    @property
    def _inner_methods(self) -> list[Method]:
        return [method for spec in self.member_specs for method in spec.methods]


def member_specs_of(method: Method) -> tuple[MemberSpec, ...]:
    """The specs of a composite method; none for any other."""
    return method.member_specs if isinstance(method, CompositeMethod) else ()


def fit_in_order(methods: Sequence[Method], base: Model, data: TrainData, *, seed: int) -> Model:
    """Fit each method on the model that the one before returned.

    Raises:
        NotApplicableError: A method cannot work on what comes before it.
    """
    for method in methods:
        method.require(base, data)
        base = method.fit(base, data, seed=seed)
    return base


class Chain(Method):
    """A Method made of Methods; the order means something."""

    methods: tuple[SerializeAsAny[Method], ...] = Field(min_length=1)
    """First fitted first."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Fit each method on the model that the one before returned."""
        return fit_in_order(self.methods, base, data, seed=seed)
