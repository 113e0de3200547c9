"""A calibrated classifier of which answers are right, kept without pickling.

Letters: N candidate answers, F features.
"""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.types import Floats

_NUM_BINS = 10
"""Of the calibration error, of equal width; Guo et al. 2017 take 15 for thousands of images."""
NUM_FOLDS = 5
"""Parts of dev, each judged by a classifier that has not seen it; five, as is the custom."""
_EPSILON = 1e-6
DEFAULT = "LogisticRegression"
FIXED = {"random_state": 0, "max_iter": 1000, "probability": True, "loss": "log_loss"}
"""Parameters, of classifiers that have them, for repeatable results and probabilities."""


@dataclass(frozen=True, eq=False)
class MetaModel:
    """Gives each candidate answer its probability of being right.

    Saved is what it learned from: the classifier is fitted again from that on first use, with the
    same result, so that any classifier can be saved.
    """

    estimator: str
    features: Floats
    """(N, F)."""
    labels: Floats
    """(N,), 1 where right."""
    slope: float
    """Of Platt's scaling, on the log-odds."""
    intercept: float

    @cached_property
    def _fitted(self) -> Any:
        return _fit(self.estimator, self.features, self.labels)

    def probabilities(self, features: Floats) -> Floats:
        """Of candidates (N, F), calibrated; (N,)."""
        return _sigmoid(self.slope * _log_odds(_right(self._fitted, features)) + self.intercept)

    def write(self, folder: Path, name: str) -> None:
        """Write the numbers."""
        arrays = {"features": self.features, "labels": self.labels}
        about = {"estimator": self.estimator, "slope": self.slope, "intercept": self.intercept}
        save_file(arrays, folder / f"{name}.safetensors", {"about": json.dumps(about)})

    @classmethod
    def read(cls, folder: Path, name: str) -> "MetaModel":
        """Read what `write` wrote."""
        from safetensors import safe_open

        path = folder / f"{name}.safetensors"
        with safe_open(path, "numpy") as file:
            about = json.loads(file.metadata()["about"])
        return cls(**load_file(path), **about)


@dataclass(frozen=True, eq=False)
class Learned:
    """A meta-model, with the probabilities that it gave to candidates it had not seen."""

    model: MetaModel
    raw: Floats
    """(N,), out of fold."""
    calibrated: Floats
    """(N,), out of fold, the scaling too."""


def learn(
    estimator: str, features: Floats, labels: Floats, groups: Sequence[str]
) -> Learned | None:
    """Fit on all candidates; judge and calibrate on those outside each fold.

    Args:
        estimator: A class of scikit-learn.
        features: (N, F).
        labels: (N,), 0 or 1.
        groups: (N,); candidates of one group are never in two folds.

    Returns:
        None where there are fewer than two groups, or all labels are the same.

    Raises:
        ConfigError: The estimator cannot learn from these.
    """
    num_folds = min(NUM_FOLDS, len(set(groups)))
    if num_folds < 2 or len(set(labels.tolist())) < 2:
        return None
    fold_of = _folds(groups, num_folds)
    raw = np.zeros(len(labels))
    for fold in range(num_folds):
        out = fold_of == fold
        raw[out] = _right(_fit(estimator, features[~out], labels[~out]), features[out])
    calibrated = np.zeros(len(labels))
    for fold in range(num_folds):
        out = fold_of == fold
        slope, intercept = _platt(raw[~out], labels[~out])
        calibrated[out] = _sigmoid(slope * _log_odds(raw[out]) + intercept)
    slope, intercept = _platt(raw, labels)
    return Learned(MetaModel(estimator, features, labels, slope, intercept), raw, calibrated)


def calibration_error(probabilities: Floats, labels: Floats) -> float:
    """Expected calibration error (Guo et al. 2017, equation 3), bins of equal width."""
    bins = np.minimum((probabilities * _NUM_BINS).astype(int), _NUM_BINS - 1)
    gaps = [
        abs(float(labels[bins == b].sum() - probabilities[bins == b].sum()))
        for b in range(_NUM_BINS)
    ]
    return sum(gaps) / len(labels)


def _folds(groups: Sequence[str], num_folds: int) -> NDArray[np.intp]:
    """Which fold each candidate is held out in; groups are dealt in turn, in their order."""
    dealt = {group: index % num_folds for index, group in enumerate(dict.fromkeys(groups))}
    return np.array([dealt[group] for group in groups])


def _fit(name: str, features: Floats, labels: Floats) -> Any:
    if len(set(labels.tolist())) < 2:
        return float(labels[0])
    try:
        # Classifiers warn of defaults of theirs that are to change, or of features all alike.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return estimator_named(name).fit(features, labels)
    except ValueError as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"estimator={name} cannot learn from {len(labels)} candidate answers ({reason}); "
            f"try {DEFAULT}"
        ) from error


def _right(fitted: Any, features: Floats) -> Floats:
    if isinstance(fitted, float):
        return np.full(len(features), fitted)
    probs: Floats = fitted.predict_proba(features)[:, list(fitted.classes_).index(1.0)]
    return probs


def _platt(raw: Floats, labels: Floats) -> tuple[float, float]:
    """Slope and intercept that map log-odds to calibrated ones (Platt 1999)."""
    if len(set(labels.tolist())) < 2:
        return 1.0, 0.0
    scaler = _fit(DEFAULT, _log_odds(raw)[:, None], labels)
    slope = float(scaler.coef_[0, 0])
    # A scaling that turns the order round would say that the fit is of no use: keep it as it is.
    return (slope, float(scaler.intercept_[0])) if slope > 0 else (1.0, 0.0)


def _log_odds(probabilities: Floats) -> Floats:
    clipped = np.clip(probabilities, _EPSILON, 1 - _EPSILON)
    log_odds: Floats = np.log(clipped) - np.log1p(-clipped)
    return log_odds


def _sigmoid(log_odds: Floats) -> Floats:
    probs: Floats = 1 / (1 + np.exp(-log_odds))
    return probs


def estimator_named(name: str) -> Any:
    """A classifier of scikit-learn by the name of its class, with its defaults and a fixed seed.

    Raises:
        UnknownNameError: There is none that gives probabilities and needs no argument.
    """
    if name == DEFAULT:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    from sklearn.utils import all_estimators

    kinds = dict(all_estimators(type_filter="classifier"))
    known = [n for n, kind in kinds.items() if hasattr(kind, "predict_proba") and _is_alone(kind)]
    if name not in known:
        raise UnknownNameError("scikit-learn classifier with probabilities", name, known)
    estimator = kinds[name]()
    params = estimator.get_params()
    return estimator.set_params(**{k: v for k, v in FIXED.items() if k in params})


def _is_alone(kind: type) -> bool:
    """Whether it can be made without naming others that it is made of."""
    fields = signature(kind).parameters.values()
    return all(f.default is not f.empty or f.kind is f.VAR_KEYWORD for f in fields)
