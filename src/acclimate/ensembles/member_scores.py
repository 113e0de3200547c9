"""Members' answers to the dev items, with the score of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import DataError, NotApplicableError
from acclimate.core.model import Model
from acclimate.core.runtime.cost import Cost, metered
from acclimate.ensembles.member_calls import call_with_bisection
from acclimate.ensembles.members import Member, labels_of
from acclimate.evaluation.answers import Answer, answers_to, metrics_of


@dataclass(frozen=True)
class ScoredItem:
    """A dev item, with each member's answer."""

    task: Task
    item: Item
    answers: tuple[Answer | None, ...]
    """In the order of the members; None: it was left out, as it failed."""
    scores: tuple[float | None, ...]
    """Of each answer, under the task's main metric."""


@dataclass(frozen=True)
class DevScores:
    """The dev items that some member answers."""

    items: tuple[ScoredItem, ...]
    costs: tuple[Cost, ...]
    """Of each member, for all that it answered."""
    labels: tuple[str, ...]

    def quality(self, member: int) -> float:
        """A member's mean main score over the items that it answers, in [0, 1]."""
        scores = [s for scored in self.items if (s := scored.scores[member]) is not None]
        return min(1.0, max(0.0, sum(scores) / len(scores)))

    @property
    def best(self) -> float:
        """The quality of the best member."""
        return max(self.quality(member) for member in range(len(self.labels)))

    @property
    def oracle(self) -> float:
        """Mean score if the best member were chosen for every item."""
        best = [max(s for s in scored.scores if s is not None) for scored in self.items]
        return sum(best) / len(best)


def score_on_dev(
    members: Sequence[Model], specs: Sequence[Member], data: TrainData, why: str
) -> DevScores:
    """Ask every member every dev item.

    Args:
        members: Fitted on the training items, so that dev is new to them.
        specs: Their recipes, for messages.
        data: Of the domain.
        why: What is chosen on dev, for messages.

    Raises:
        NotApplicableError: There are no dev items.
        DataError: A member answers none of them.
    """
    items = [(task, item) for task in data.dev for item in task.items]
    mend = "output_vote with rule=majority needs none"
    if not items:
        raise NotApplicableError(f"{why} needs dev items, and there are none; {mend}")
    labels, columns, costs = labels_of(specs), [], []
    for label, member in zip(labels, members, strict=True):
        with metered() as meter:
            answers = [answer for task in data.dev for answer in _answers(member, task)]
        if not any(answers):
            raise DataError(
                f"{label} answers no dev item, and {why} is learned there; add its answers to the "
                f"dev items, or leave it out; {mend}"
            )
        columns.append(answers)
        costs.append(meter.cost)
    rows = zip(items, zip(*columns, strict=True), strict=True)
    scored = [_scored(task, item, answers) for (task, item), answers in rows if any(answers)]
    return DevScores(tuple(scored), tuple(costs), tuple(labels))


def _answers(member: Model, task: Task) -> list[Answer | None]:
    answers = call_with_bisection(lambda some: list(answers_to(member, task, some)), task.items)
    return [answer if isinstance(answer, Answer) else None for answer in answers]


def _scored(task: Task, item: Item, answers: tuple[Answer | None, ...]) -> ScoredItem:
    metric = next(iter(metrics_of(task).values()))
    item_scores = [None if answer is None else answer.score(metric) for answer in answers]
    return ScoredItem(task, item, answers, tuple(item_scores))
