"""Where models and domains come from: the base classes of two catalogues."""

from abc import abstractmethod

from acclimate.core.domain import Domain
from acclimate.core.model import Model
from acclimate.core.record import Record


class TaskSource(Record):
    """A way to get a Domain."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Import names of installed packages that the domain asks about."""
        return ()

    @abstractmethod
    def load(self) -> Domain:
        """Read or make it, checked."""
        raise NotImplementedError


class ModelSource(Record):
    """A way to get a Model."""

    @abstractmethod
    def load(self) -> Model:
        """Get it ready to answer."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """What tells this model from every other: a hash of its files or of its recipe.

        Nothing is made for it.
        """
        raise NotImplementedError

    @property
    def is_made(self) -> bool:
        """Whether it is there; otherwise `load` makes it first."""
        return True

    def stale(self) -> tuple[str, ...]:
        """Why what is there would be made otherwise today, in a few words each."""
        return ()

    def num_params(self) -> int | None:
        """Parameters, known before loading; None where they are not."""
        return None

    def disjoint_from(self, domain: TaskSource) -> "ModelSource":
        """The same source, told not to learn from what the domain asks about."""
        return self
