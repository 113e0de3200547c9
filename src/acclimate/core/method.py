"""What a method is: frozen hyperparameters that turn a Model into a Model."""

from abc import abstractmethod
from typing import ClassVar

from acclimate.core.data import Record, TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model

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
        return [NEEDS[need] for need in sorted(self.needs - have)]

    def require(self, base: Model, data: TrainData) -> None:
        """Refuse what cannot be.

        Raises:
            NotApplicableError: Something the method needs is not there.
        """
        if missing := self.unmet(base, data):
            name = type(self).__module__.rpartition(".")[2]
            raise NotApplicableError(f"{name} needs {' and '.join(missing)}")
