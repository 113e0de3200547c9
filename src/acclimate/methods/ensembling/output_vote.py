"""Let members vote over whole answers, one vote each, weighted or ranked."""

from typing import ClassVar, Literal

from pydantic import field_validator, model_validator

from acclimate.core.asking import require_common
from acclimate.core.data import TrainData
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.judged import judged
from acclimate.core.members import Member, build_member_specs, labels_of, require_two_members
from acclimate.core.method import CompositeMethod, MemberSpec
from acclimate.core.model import Model
from acclimate.core.notebook import fact
from acclimate.core.voting import Rule
from acclimate.text.vote_model import VoteModel


class OutputVote(CompositeMethod):
    """Sampling-and-voting across models (Li et al. 2024), and the ranked rules of social choice.

    Answers that differ in case, spaces and marks around them are one. A tie goes to the answer
    whose voters are surer in sum, then to the heavier, then to the member that is named first. A
    member that fails or says nothing is left out. Voting helps members of like strength that err
    apart from one another, and does harm where one is far ahead.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2402.05120"

    members: tuple[Member, ...] = ("zero_shot", "few_shot", "lexical_rag")
    """Recipes; three ways of asking, as two can only tie. `[]` is the base as it is, and
    `{name: recorded, path: a.csv}` a table of answers."""
    rule: Rule = "majority"
    """`majority`: one vote each; `weighted`; `borda`: points by rank; `runoff`: the last goes out
    until one is left. Free answers are ranked no further than the first."""
    weigh_by: Literal["accuracy", "confidence"] = "accuracy"
    """Weights under `weighted`: each member's mean score on dev, or how sure it is of each answer
    (geometric mean of its tokens' probabilities, or probability among the choices)."""
    weights: tuple[float, ...] = ()
    """Given weights, one a member, which only matter by their ratios; empty: as `weigh_by` says.
    Under the other rules they decide ties."""

    @field_validator("members")
    @classmethod
    def _several(cls, members: tuple[Member, ...]) -> tuple[Member, ...]:
        return require_two_members(members)

    @field_validator("weights")
    @classmethod
    def _usable(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if weights and (min(weights) < 0 or max(weights) == 0):
            raise ConfigError("must be at least 0, and one of them above; leave a member out by 0")
        return weights

    @model_validator(mode="after")
    def _one_each(self) -> "OutputVote":
        if self.weights and len(self.weights) != len(self.members):
            raise ConfigError(
                f"{len(self.weights)} weights for {len(self.members)} members; give one each"
            )
        return self

    @property
    def member_specs(self) -> tuple[MemberSpec, ...]:
        """One a member."""
        return build_member_specs(self.members)

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Weigh the members on dev where their accuracy is what counts.

        Raises:
            DataError: The members have no item in common, or one answers no dev item.
            NotApplicableError: There is nothing to weigh them by.
        """
        require_common(members, self.members)
        return VoteModel(members, self.rule, self._weights(members, data))

    def _weights(self, members: tuple[Model, ...], data: TrainData) -> tuple[float, ...] | None:
        if self.weights or self.rule != "weighted":
            return self.weights or (1.0,) * len(members)
        if self.weigh_by == "confidence":
            self._require_logprobs(members)
            return None
        dev = judged(members, self.members, data, "output_vote by accuracy")
        weights = tuple(dev.quality(place) for place in range(len(members)))
        for label, weight in zip(dev.labels, weights, strict=True):
            fact(f"{label}: weight, its mean score on dev", weight)
        # Where nobody is ever right, nobody is heavier.
        return weights if any(weights) else (1.0,) * len(members)

    def _require_logprobs(self, members: tuple[Model, ...]) -> None:
        for label, member in zip(labels_of(self.members), members, strict=True):
            if "logprobs" not in member.offers:
                raise NotApplicableError(
                    f"output_vote by confidence needs log-probabilities, and {label} gives none; "
                    "use weigh_by=accuracy, or rule=majority"
                )
