"""A classifier is known where it can be made by its name and gives probabilities."""

import pytest

from acclimate.core.errors import UnknownNameError
from acclimate.ensembles.stacking.meta_model import estimator_named


@pytest.mark.parametrize("name", ["VotingClassifier", "ClassifierChain", "LinearSVC"])
def test_one_that_is_made_of_others_or_gives_no_probabilities_is_not_known(name):
    with pytest.raises(UnknownNameError, match="scikit-learn classifier with probabilities"):
        estimator_named(name)


def test_by_name_with_a_fixed_seed():
    found = estimator_named("RandomForestClassifier")
    assert type(found).__name__ == "RandomForestClassifier"
    assert found.random_state == 0
