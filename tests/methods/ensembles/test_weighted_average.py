"""Weights on dev are those of the greatest likelihood; given ones count by their ratios."""

import numpy as np
import pytest

from acclimate.core.catalogue import METHODS
from acclimate.core.domain import TrainData
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.runtime.fit_log import collect_log
from acclimate.methods.ensembles.weighted_average import WeightedAverage
from acclimate.methods.tuning.full_finetuning import FullFinetuning
from acclimate.models.local.huggingface import HuggingFace


@pytest.fixture(scope="module")
def members(tiny, small_data, model_folder):
    """One that has learned, one that has not, and one of another kind."""
    learned = FullFinetuning(learning_rate=3e-3).fit(tiny, small_data, seed=0)
    return learned, tiny, HuggingFace(path=str(model_folder("gpt2"))).load()


def fitted(members, data, **fields):
    method = WeightedAverage(members=((),) * len(members), **fields)
    return method.fit(members[1], data, seed=0, members=members)


def dev_logprob(model, data, task=""):
    pairs = [(p, item.target) for p, item in data.pairs("dev") if task in ("", p.task)]
    return sum(w.logprob for w in model.loglikelihood(pairs))


@pytest.mark.parametrize("space", ["probability", "log"])
def test_no_other_weights_explain_dev_better(members, small_data, space):
    model = fitted(members, small_data, space=space)
    weights = np.array(model.weights[""])
    assert weights.sum() == pytest.approx(1)
    best = dev_logprob(model, small_data)
    rng = np.random.default_rng(0)
    for towards in [*np.eye(3), *rng.dirichlet([1, 1, 1], size=5)]:
        for step in (0.02, 0.3):
            other = tuple((1 - step) * weights + step * towards)
            tried = fitted(members, small_data, space=space, weights=other)
            assert dev_logprob(tried, small_data) <= best + 1e-3


def test_each_task_has_its_own_and_they_are_told(members, small_data):
    with collect_log() as book:
        model = fitted(members, small_data, is_per_task=True)
    assert set(model.weights) == {"", "colour", "food"}
    told = book.facts["base (1): weight fitted on dev in task food"]
    assert told == pytest.approx(model.weights["food"][0], abs=5e-5)
    common = fitted(members, small_data)
    assert common.weights[""] == model.weights[""]
    for task in ("colour", "food"):
        own = dev_logprob(model, small_data, task)
        assert own >= dev_logprob(common, small_data, task) - 1e-3


def test_weights_scale_out(members, small_data):
    one = fitted(members, small_data, weights=(1, 2, 1))
    other = fitted(members, small_data, weights=(10, 20, 10))
    assert dev_logprob(one, small_data) == pytest.approx(dev_logprob(other, small_data), abs=1e-4)
    alone = fitted(members, small_data, weights=(0, 3, 0))
    assert dev_logprob(alone, small_data) == pytest.approx(
        dev_logprob(members[1], small_data), abs=1e-4
    )


@pytest.mark.parametrize("weights", [(1, -1), (0, 0), (1, 1, 1)])
@pytest.mark.parametrize("name", ["weighted_average", "token_vote", "phrase_vote", "byte_average"])
def test_weights_that_cannot_be_are_refused(name, weights):
    with pytest.raises(ConfigError, match=r"at least 0|give one each"):
        METHODS.build({"name": name, "weights": weights})


def test_without_dev_weights_must_be_given(members, small_data):
    bare = TrainData(train=small_data.train)
    with pytest.raises(NotApplicableError, match="give weights, one a member"):
        fitted(members, bare)
    assert fitted(members, bare, weights=(1, 2, 3)).weights == {"": (1, 2, 3)}
