"""Let members vote over whole answers, one vote each, weighted or ranked."""

from typing import ClassVar, Literal

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model
from acclimate.core.runtime.fit_log import log_value
from acclimate.ensembles.answer_level.vote_model import VoteModel
from acclimate.ensembles.answer_level.voting_rules import Rule
from acclimate.ensembles.member_calls import require_common
from acclimate.ensembles.member_scores import score_on_dev
from acclimate.ensembles.members import Member
from acclimate.ensembles.method import EnsembleMethod


class OutputVote(EnsembleMethod):
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
            return self.member_weights
        if self.weigh_by == "confidence":
            self._require_logprobs(members)
            return None
        dev = score_on_dev(members, self.members, data, "output_vote by accuracy")
        weights = tuple(dev.quality(index) for index in range(len(members)))
        for label, weight in zip(dev.labels, weights, strict=True):
            log_value(f"{label}: weight, its mean score on dev", weight)
        # Where nobody is ever right, nobody is heavier.
        return weights if any(weights) else (1.0,) * len(members)

    def _require_logprobs(self, members: tuple[Model, ...]) -> None:
        for label, member in zip(self.member_labels, members, strict=True):
            if "logprobs" not in member.capabilities:
                raise NotApplicableError(
                    f"output_vote by confidence needs log-probabilities, and {label} gives none; "
                    "use weigh_by=accuracy, or rule=majority"
                )
