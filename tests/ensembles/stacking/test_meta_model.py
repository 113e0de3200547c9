"""Calibration error by hand, folds that keep groups whole, and a judge that is kept as numbers."""

import numpy as np
import pytest

from acclimate.core.errors import ConfigError
from acclimate.ensembles.stacking.meta_model import MetaModel, _folds, calibration_error, learn


def test_calibration_error_by_hand():
    # Bins [0.2, 0.3) and [0.9, 1]: |0.25 - 0.5| of two and |0.95 - 1| of two.
    probabilities = np.array([0.25, 0.25, 0.95, 0.95])
    labels = np.array([0.0, 1, 1, 1])
    assert calibration_error(probabilities, labels) == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)


def test_groups_are_whole():
    groups = ["a", "a", "b", "c", "b"]
    assert _folds(groups, 2).tolist() == [0, 0, 1, 0, 1]


def data(num=200):
    rng = np.random.default_rng(0)
    features = rng.random((num, 3))
    labels = (rng.random(num) < features[:, 0]).astype(float)
    return features, labels, [str(i) for i in range(num)]


def test_out_of_fold_is_not_what_it_has_seen():
    features, labels, groups = data()
    found = learn("DecisionTreeClassifier", features, labels, groups)
    seen = found.model._fitted.predict(features)
    assert np.mean(seen == labels) == 1
    assert np.mean((found.raw > 0.5) == labels) < 0.9
    assert calibration_error(found.calibrated, labels) < calibration_error(found.raw, labels)


def test_written_and_read(tmp_path):
    features, labels, groups = data()
    model = learn("RandomForestClassifier", features, labels, groups).model
    model.write(tmp_path, "judge")
    again = MetaModel.read(tmp_path, "judge")
    assert (again.probabilities(features) == model.probabilities(features)).all()


def test_nothing_to_learn_from():
    features, labels, groups = data(20)
    assert learn("LogisticRegression", features, np.ones(20), groups) is None
    assert learn("LogisticRegression", features, labels, ["one"] * 20) is None


def test_an_estimator_that_cannot_is_told():
    features, labels, groups = data(20)
    with pytest.raises(ConfigError, match="estimator=MultinomialNB cannot learn from"):
        learn("MultinomialNB", features - 2, labels, groups)


@pytest.mark.parametrize("name", ["SGDClassifier", "SVC", "LogisticRegressionCV"])
def test_others_are_made_to_give_probabilities_without_a_warning(name, recwarn):
    features, labels, groups = data(40)
    found = learn(name, features, labels, groups)
    assert ((found.raw > 0) & (found.raw < 1)).all()
    assert not recwarn.list
