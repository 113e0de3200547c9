"""What a method is: frozen hyperparameters that turn a Model into a Model."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from acclimate.core.data import Record, TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model
from acclimate.core.source import ModelSource

NEEDS = {
    "weights": "a model with weights",
    "logprobs": "a model that gives log-probabilities",
    "documents": "documents",
    "preferences": "preferences",
    "train_items": "training items",
}
"""What a method may ask for, as said to the user."""


@dataclass(frozen=True)
class Part:
    """How a member of an ensemble is made."""

    methods: "tuple[Method, ...]" = ()
    """One after another."""
    source: ModelSource | None = None
    """Of the model that they begin from; None: that which the ensemble is fitted on."""


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
        inside = (method for part in self.parts for method in part.methods)
        return self.is_trained or any(method.depends_on_seed for method in inside)

    @property
    def changes_weights(self) -> bool:
        """Whether it is trained, or one of its parts is."""
        inside = (method for part in self.parts for method in part.methods)
        return self.is_trained or any(method.changes_weights for method in inside)

    @property
    def all_needs(self) -> frozenset[str]:
        """Its own and its parts'; a part that begins from a model of its own asks none of it."""
        found = set(self.needs)
        for part in self.parts:
            wanted = {need for method in part.methods for need in method.all_needs}
            found |= wanted - {"weights", "logprobs"} if part.source else wanted
        return frozenset(found)

    @property
    def parts(self) -> "tuple[Part, ...]":
        """What models this one combines; a study makes each once, for all its recipes."""
        return ()

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
        have = set(base.offers)
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
