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
        predictions = {id(prediction.row): prediction for prediction in _out_of_fold(rows, whole)}
        metas = {"": whole.model}
        for task in dict.fromkeys(row.task for row in rows):
            task_rows = [row for row in rows if row.task == task]
            if learned := self._learned(task_rows):
                metas[task] = learned.model
                predictions |= {
                    id(prediction.row): prediction
                    for prediction in _out_of_fold(task_rows, learned)
                }
        _log_dev_scores(dev, list(predictions.values()))
        return StackModel(members, metas)

    def _learned(self, rows: Sequence[Candidates]) -> Learned | None:
        if not rows:
            return None
        groups = [row.cluster for row in rows for _ in row.texts]
        features = np.concatenate([row.features for row in rows])
        labels = np.concatenate([row.labels for row in rows])
        return learn(self.estimator, features, labels, groups)


@dataclass(frozen=True)
class _OutOfFold:
    """Of one item's candidates, out of fold."""

    row: Candidates
    raw: Floats
    calibrated: Floats


def _out_of_fold(rows: Sequence[Candidates], learned: Learned) -> Iterator[_OutOfFold]:
    ends = np.cumsum([len(row.texts) for row in rows])[:-1]
    parts = zip(rows, np.split(learned.raw, ends), np.split(learned.calibrated, ends), strict=True)
    return (_OutOfFold(*part) for part in parts)


def _log_dev_scores(dev: DevScores, predictions: Sequence[_OutOfFold]) -> None:
    """What it reaches on dev, beside its best member and the best choice among them."""
    log_value("best member's score on dev", dev.best)
    log_value("score on dev if the right member were always chosen", dev.oracle)
    chosen = [
        float(prediction.row.scores[int(np.argmax(prediction.calibrated))])
        for prediction in predictions
    ]
    log_value("score on dev, out of fold", sum(chosen) / len(dev.items))
    truth = np.concatenate([prediction.row.labels for prediction in predictions])
    before, after = (
        calibration_error(np.concatenate(probs), truth)
        for probs in (
            [prediction.raw for prediction in predictions],
            [prediction.calibrated for prediction in predictions],
        )
    )
    log_value("calibration error before scaling, out of fold", before)
    log_value("calibration error after scaling, out of fold", after)
