"""Average the members' next-token distributions at every step."""

from typing import ClassVar, Literal

from pydantic import field_validator

from acclimate.core.data import TrainData
from acclimate.core.members import Member, fitted, labels_of, parts_of, several
from acclimate.core.method import Method, Part
from acclimate.core.model import Model
from acclimate.decoding.alike import require_one_vocabulary
from acclimate.decoding.joint import JointModel
from acclimate.nn.mixtures import Mixture


class Average(Method):
    """The mean of the members' probabilities, or of their logarithms, token by token (Hinton 2002).

    -log of a mean of probabilities is at most the mean of -log: the mixture explains any text at
    least as well as its members do on average. Averaging a model with itself changes nothing.
    """

    paper: ClassVar[str] = "https://www.cs.toronto.edu/~hinton/absps/tr00-004.pdf"
    needs: ClassVar[frozenset[str]] = frozenset({"logprobs"})

    members: tuple[Member, ...] = ("zero_shot", "few_shot")
    """Recipes whose networks have one vocabulary; each reads its own prompt."""
    space: Literal["probability", "log"] = "probability"
    """`probability`: a mixture, likely is what any member finds likely; `log`: a product of
    experts, renormalised, likely is what none finds unlikely (Hinton 2002)."""

    @field_validator("members")
    @classmethod
    def _several(cls, members: tuple[Member, ...]) -> tuple[Member, ...]:
        return several(members)

    @property
    def parts(self) -> tuple[Part, ...]:
        """One a member."""
        return parts_of(self.members)

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Fit the members; nothing else is learned.

        Raises:
            NotApplicableError: A member has no weights here, or another vocabulary.
        """
        members = fitted(self, base, data, seed)
        require_one_vocabulary(members, labels_of(self.members), "average")
        return JointModel(members, Mixture(space=self.space), {"": (1.0,) * len(members)})
