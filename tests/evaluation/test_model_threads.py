"""Threads follow from the model in hand, not from what was loaded before it."""

import pytest
import torch

from acclimate.core.domain import Control
from acclimate.core.prompt import TEMPLATE
from acclimate.core.storage.artifact_store import Store
from acclimate.evaluation.control_set import control_score
from acclimate.evaluation.measure import measure
from acclimate.evaluation.model_threads import use_threads_of
from acclimate.inference.local_model import LocalModel
from acclimate.methods.prompting.one_shot import OneShot
from acclimate.nn import threads
from acclimate.prompting.instruction import InstructionModel
from acclimate.study.fit_cache import FitCache, FittedModel


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_all_threads", 2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("before", [1, 2])
@pytest.mark.parametrize(("small", "expected"), [(10**9, 1), (1, 2)])
def test_they_are_those_of_the_network_inside(tiny, monkeypatch, before, small, expected):
    monkeypatch.setattr(threads, "SMALL_PARAMS", small)
    torch.set_num_threads(before)
    use_threads_of(InstructionModel(tiny, "Be brief.", TEMPLATE))
    assert torch.get_num_threads() == expected


def threads_in(monkeypatch, kind, name):
    """Threads at each call of a method of a class."""
    seen, call = [], getattr(kind, name)

    def noted(*args, **settings):
        seen.append(torch.get_num_threads())
        return call(*args, **settings)

    monkeypatch.setattr(kind, name, noted)
    return seen


@pytest.mark.parametrize("small", [10**9, 1])
def test_what_is_measured_and_fitted_has_its_own(
    tiny, small_domain, small_data, tmp_path, monkeypatch, small
):
    monkeypatch.setattr(threads, "SMALL_PARAMS", small)
    expected = 1 if small > 1 else 2
    answers = threads_in(monkeypatch, LocalModel, "loglikelihood")
    fits = threads_in(monkeypatch, OneShot, "fit")

    def after_another(work):
        # Another model was loaded last.
        torch.set_num_threads(3 - expected)
        work()

    after_another(lambda: measure(tiny, small_domain.test[:1]))
    after_another(lambda: control_score(tiny, Control(texts=("The sea is wide.",))))
    cache = FitCache(FittedModel(tiny, "base"), small_data, Store(tmp_path))
    after_another(lambda: cache.node((OneShot(),), seed=0))
    assert set(answers) == {expected}
    assert len(answers) >= 2
    assert fits == [expected]


def test_a_model_without_a_network_asks_for_none():
    class Without:
        children = {}

    torch.set_num_threads(2)
    use_threads_of(Without())
    assert torch.get_num_threads() == 2
