"""Threads follow from the model in hand, not from what was loaded before it."""

import pytest
import torch

from acclimate.core.prompt import TEMPLATE
from acclimate.evaluation.model_threads import use_threads_of
from acclimate.nn import threads
from acclimate.prompting.instruction import InstructionModel


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


def test_a_model_without_a_network_asks_for_none():
    class Without:
        children = {}

    torch.set_num_threads(2)
    use_threads_of(Without())
    assert torch.get_num_threads() == 2
