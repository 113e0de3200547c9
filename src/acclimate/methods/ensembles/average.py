"""Average the members' next-token distributions at every step."""

from typing import ClassVar, Literal

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.ensembles.compatibility import require_one_vocabulary
from acclimate.ensembles.method import EnsembleMethod
from acclimate.ensembles.token_level.joint_model import JointModel
from acclimate.ensembles.token_level.mixtures import Mixture


class Average(EnsembleMethod):
    """The mean of the members' probabilities, or of their logarithms, token by token (Hinton 2002).

    -log of a mean of probabilities is at most the mean of -log: the mixture explains any text at
    least as well as its members do on average. Averaging a model with itself changes nothing.
    """

    paper: ClassVar[str] = "https://www.cs.toronto.edu/~hinton/absps/tr00-004.pdf"
    needs: ClassVar[frozenset[str]] = frozenset({"logprobs"})

    space: Literal["probability", "log"] = "probability"
    """`probability`: a mixture, likely is what any member finds likely; `log`: a product of
    experts, renormalised, likely is what none finds unlikely (Hinton 2002)."""

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Mix the members' distributions; nothing is learned.

        Raises:
            NotApplicableError: A member has no weights here, or another vocabulary.
        """
        require_one_vocabulary(members, self.member_labels, "average")
        return JointModel(members, Mixture(space=self.space), {"": self.member_weights})
