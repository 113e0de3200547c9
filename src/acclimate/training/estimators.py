"""Classifiers of scikit-learn by the names of their classes."""

from inspect import signature
from typing import Any

from acclimate.core.errors import UnknownNameError

DEFAULT = "LogisticRegression"
FIXED = {"random_state": 0, "max_iter": 1000, "probability": True, "loss": "log_loss"}
"""What a classifier is told that has it, so that it repeats itself and gives probabilities."""


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
    own = estimator.get_params()
    return estimator.set_params(**{k: v for k, v in FIXED.items() if k in own})


def _is_alone(kind: type) -> bool:
    """Whether it can be made without naming others that it is made of."""
    fields = signature(kind).parameters.values()
    return all(f.default is not f.empty or f.kind is f.VAR_KEYWORD for f in fields)
