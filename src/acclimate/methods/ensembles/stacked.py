"""Learn from dev which member to believe when, by a model of their answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import field_validator

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model
from acclimate.core.runtime.fit_log import log_value
from acclimate.core.types import Floats
from acclimate.ensembles.member_calls import require_common
from acclimate.ensembles.member_scores import DevScores, score_on_dev
from acclimate.ensembles.members import Member
from acclimate.ensembles.method import EnsembleMethod
from acclimate.ensembles.stacking.meta_model import (
    DEFAULT,
    Learned,
    calibration_error,
    estimator_named,
    learn,
)
from acclimate.ensembles.stacking.stack_model import Candidates, StackModel, candidates_of


class Stacked(EnsembleMethod):
    """Stacked generalisation (Wolpert 1992): a classifier of answers over the members' own.

    The members learn from train, the classifier from their answers to dev, which is new to them.
    Each different answer to a question is a candidate, described by every member's vote and
    confidence and by their agreement; the one that is most probably right is given. Each task has
    a classifier of its own where its dev items have right and wrong candidates, and other
    questions have that of all tasks together. Probabilities are scaled as Platt (1999) does, by
    what was said out of fold.
    """

    paper: ClassVar[str] = "https://doi.org/10.1016/S0893-6080(05)80023-1"

    members: tuple[Member, ...] = ("zero_shot", "few_shot", "lexical_rag")
    """Recipes; three ways of asking. `[]` is the base as it is, and `{name: recorded, path: a.csv}`
    a table of answers, which must answer dev items too."""
    estimator: str = DEFAULT
    """Any classifier of scikit-learn that gives probabilities, by its class's name; a line does
    where votes add up, as those of independent members do."""

    @field_validator("estimator")
    @classmethod
    def _known(cls, estimator: str) -> str:
        estimator_named(estimator)
        return estimator

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Fit the classifiers on dev, which is new to the members.

        Raises:
            DataError: The members have no item in common, or one answers no dev item.
            NotApplicableError: There are no dev items, or every answer to them is right or wrong.
        """
        require_common(members, self.members)
        dev = score_on_dev(members, self.members, data, "stacked")
        rows = candidates_of(dev, members)
        whole = self._learned(rows)
        if whole is None:
            raise NotApplicableError(
                "stacked learns from dev items of which some answers are right and some wrong, and "
                f"finds none among {len(dev.items)}; use output_vote, or give more dev items"
            )
        said = {id(own.row): own for own in _said(rows, whole)}
        metas = {"": whole.model}
        for task in dict.fromkeys(row.task for row in rows):
            own_rows = [row for row in rows if row.task == task]
            if found := self._learned(own_rows):
                metas[task] = found.model
                said |= {id(own.row): own for own in _said(own_rows, found)}
        _tell(dev, list(said.values()))
        return StackModel(members, metas)

    def _learned(self, rows: Sequence[Candidates]) -> Learned | None:
        if not rows:
            return None
        groups = [row.cluster for row in rows for _ in row.texts]
        features = np.concatenate([row.features for row in rows])
        labels = np.concatenate([row.labels for row in rows])
        return learn(self.estimator, features, labels, groups)


@dataclass(frozen=True)
class _Said:
    """Of one item's candidates, out of fold."""

    row: Candidates
    raw: Floats
    calibrated: Floats


def _said(rows: Sequence[Candidates], found: Learned) -> Iterator[_Said]:
    ends = np.cumsum([len(row.texts) for row in rows])[:-1]
    parts = zip(rows, np.split(found.raw, ends), np.split(found.calibrated, ends), strict=True)
    return (_Said(*part) for part in parts)


def _tell(dev: DevScores, said: Sequence[_Said]) -> None:
    """What it reaches on dev, beside its best member and the best choice among them."""
    log_value("best member's score on dev", dev.best)
    log_value("score on dev if the right member were always chosen", dev.oracle)
    chosen = [float(own.row.scores[int(np.argmax(own.calibrated))]) for own in said]
    log_value("score on dev, out of fold", sum(chosen) / len(dev.items))
    truth = np.concatenate([own.row.labels for own in said])
    before, after = (
        calibration_error(np.concatenate(told), truth)
        for told in ([own.raw for own in said], [own.calibrated for own in said])
    )
    log_value("calibration error before scaling, out of fold", before)
    log_value("calibration error after scaling, out of fold", after)
