"""Let members vote for every token, each for its likeliest few."""

from typing import ClassVar, Literal

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.ensembles.compatibility import require_one_vocabulary
from acclimate.ensembles.method import EnsembleMethod
from acclimate.ensembles.token_level.joint_model import JointModel
from acclimate.ensembles.token_level.token_votes import TokenBallot


class TokenVote(EnsembleMethod):
    """Top-k tokens of each member as ballots (Borda 1781, majority), counted at every step.

    Ties go to the token with more probability summed over the members, then to that whose voters
    weigh more, then to the first in the order of members and of their choices. Where an answer is
    drawn and not the likeliest, it is drawn by points. A vote gives no probabilities: choices are
    weighed by the members' weighted mean.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2502.18036"
    needs: ClassVar[frozenset[str]] = frozenset({"logprobs"})

    rule: Literal["majority", "weighted", "ranked"] = "majority"
    """A vote counts one, or its member's weight, or, ranked, `num_choices` less one for each place
    below the first (Borda)."""
    num_choices: int = Field(default=5, ge=1)
    """Tokens that a member votes for at each step; 1 is plurality."""
    outlier_prob: float = Field(default=0.05, ge=0, le=1)
    """A token with one voter alone, who gives it less probability, is filtered out; 0 filters
    nothing."""
    weights: tuple[float, ...] = ()
    """One a member, of which the ratios matter; empty: all alike. They count under `weighted`,
    and elsewhere decide ties; a member of weight 0 has no vote."""

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Let the members vote; nothing is learned.

        Raises:
            NotApplicableError: A member has no weights here, or another vocabulary.
        """
        require_one_vocabulary(members, self.member_labels, "token_vote")
        ballot = TokenBallot(
            rule=self.rule, num_choices=self.num_choices, outlier_prob=self.outlier_prob
        )
        return JointModel(members, ballot, {"": self.member_weights})
