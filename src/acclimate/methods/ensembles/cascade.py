"""Ask the cheap member first, and a dearer one only where it is not sure."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.core.runtime.cost import Cost, metered
from acclimate.core.runtime.fit_log import log_value
from acclimate.ensembles.answer_level.cascade_model import (
    NO_MEMBER,
    CascadeModel,
    confidence_in,
    margin,
)
from acclimate.ensembles.answer_level.cascade_thresholds import (
    CascadeResult,
    MemberResults,
    Target,
    best_thresholds,
)
from acclimate.ensembles.member_calls import require_common
from acclimate.ensembles.member_scores import DevScores, score_on_dev
from acclimate.ensembles.members import Member
from acclimate.ensembles.method import EnsembleMethod


class Cascade(EnsembleMethod):
    """An LLM cascade (Chen, Zaharia and Zou 2023, FrugalGPT, section 3).

    Confidence is the geometric mean of the probabilities of a free answer's tokens, or how far the
    best choice's probability is above the next. Thresholds are chosen on dev, by task, and those
    of all tasks together stand for other questions. An empty or failed answer is passed on.

    Differs: the members' own confidence takes the place of a learned scorer.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2305.05176"

    members: tuple[Member, ...] = ("zero_shot", "few_shot")
    """Recipes, the cheapest first; examples make a prompt longer. `[]` is the base as it is, and
    `{name: recorded, path: a.csv}` a table of answers, which must answer dev items too."""
    target: Target = "quality"
    """`quality`: as cheap as can be while keeping `share` of the best member's score on dev;
    `cost`: as good as can be for `share` of the last member's cost."""
    share: float = Field(default=0.95, gt=0, le=1)
    """What is to be kept, or may be spent; a loss of one part in twenty is often not significant.
    """

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Choose the thresholds on dev.

        Raises:
            DataError: The members have no item in common, or one answers no dev item.
            NotApplicableError: There are no dev items.
        """
        require_common(members, self.members)
        dev = score_on_dev(members, self.members, data, "cascade")
        member_results = _member_results(members, dev)
        tasks = [scored.task.name for scored in dev.items]
        results = {"": best_thresholds(member_results, self.target, self.share)}
        for task in dict.fromkeys(tasks):
            results[task] = best_thresholds(
                _only(member_results, [task == other for other in tasks]), self.target, self.share
            )
        by_task = [(results[task], tasks.count(task)) for task in dict.fromkeys(tasks)]
        answered = tuple(
            _mean([(r.answered[index], n) for r, n in by_task]) for index in range(len(members))
        )
        _log_dev_scores(dev, member_results, by_task)
        return CascadeModel(members, {t: r.thresholds for t, r in results.items()}, answered)


def _log_dev_scores(
    dev: DevScores, member_results: MemberResults, results: Sequence[tuple[CascadeResult, int]]
) -> None:
    """Log quality and cost of the cascade on dev, beside its members'."""
    quality = _mean([(r.quality, n) for r, n in results])
    passed = _mean([(1 - r.answered[0], n) for r, n in results])
    cost = _mean([(r.cost, n) for r, n in results])
    log_value("score on dev", quality)
    log_value("best member's score on dev", dev.best)
    log_value("score on dev if the right member were always chosen", dev.oracle)
    if dev.best > 0:
        log_value("quality kept on dev, share of the best member's", quality / dev.best)
    log_value("passed on by the first member, share of dev items", passed)
    log_value("cost on dev, share of the last member's", cost / float(member_results.costs[-1]))
    log_value(
        "cost saved on dev, share of the last member's", 1 - cost / float(member_results.costs[-1])
    )


def _mean(weighed: Sequence[tuple[float, int]]) -> float:
    return sum(value * n for value, n in weighed) / sum(n for _, n in weighed)


def _only(results: MemberResults, chosen: Sequence[bool]) -> MemberResults:
    rows = np.array(chosen)
    return MemberResults(results.scores[rows], results.sure[rows], results.costs)


def _member_results(members: Sequence[Model], dev: DevScores) -> MemberResults:
    """Scores, confidences and costs; what finding a confidence takes is part of the cost."""
    prompts = [scored.task.prompt(scored.item) for scored in dev.items]
    columns, spent = [], list(dev.costs)
    for index, member in enumerate(members[:-1]):
        answers = [scored.answers[index] for scored in dev.items]
        with metered() as meter:
            free = confidence_in(
                member, prompts, [answer.completion if answer else None for answer in answers]
            )
        spent[index] += meter.cost
        chosen = [
            margin(answer.weighed) if answer and answer.weighed else NO_MEMBER for answer in answers
        ]
        columns.append(np.maximum(free, chosen))
    scores = np.array([[score or 0.0 for score in scored.scores] for scored in dev.items])
    num_answered = [
        sum(scored.answers[m] is not None for scored in dev.items) for m in range(len(members))
    ]
    costs = np.array(_in_one_unit(spent, num_answered)) / np.array(num_answered)
    return MemberResults(scores, np.stack(columns, axis=1), costs)


def _in_one_unit(spent: Sequence[Cost], num_answered: Sequence[int]) -> list[float]:
    """Costs in the first unit that all of them have; where there is none, each answer costs 1."""
    rows = [(c.paid_usd, c.flops, float(c.prompt_tokens + c.new_tokens)) for c in spent]
    known = (list(unit) for unit in zip(*rows, strict=True) if all(unit))
    return next(known, [float(num) for num in num_answered])
