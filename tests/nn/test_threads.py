"""Small networks run on one thread, large ones on all that torch began with."""

import pytest
import torch

from acclimate.nn import threads


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("num_params", "expected"),
    [(0, 1), (threads.SMALL_PARAMS - 1, 1), (threads.SMALL_PARAMS, 3), (10**12, 3)],
)
def test_by_size(monkeypatch, num_params, expected):
    monkeypatch.setattr(threads, "_all_threads", 3)
    torch.set_num_threads(2)
    threads.use_threads_for(num_params)
    assert torch.get_num_threads() == expected
