"""Early stopping keeps the best weights and counts looks without a better loss."""

import torch

from acclimate.training.validation import EarlyStopping


def test_stops_after_patience_and_restores_the_best():
    layer = torch.nn.Linear(1, 1, bias=False)
    stopping = EarlyStopping(layer, patience=2)
    seen = []
    for value, loss in [(1.0, 3.0), (2.0, 1.0), (3.0, 2.0), (4.0, 1.5)]:
        torch.nn.init.constant_(layer.weight, value)
        stopping.observe(loss)
        seen.append(stopping.is_over)
    assert seen == [False, False, False, True]
    stopping.restore()
    assert layer.weight.item() == 2.0


def test_frozen_weights_are_left_alone():
    layer = torch.nn.Linear(1, 1).requires_grad_(False)
    stopping = EarlyStopping(layer, patience=1)
    stopping.observe(1.0)
    torch.nn.init.constant_(layer.weight, 7.0)
    stopping.restore()
    assert layer.weight.item() == 7.0


def test_goes_on_from_what_was_noted():
    first, second = (torch.nn.Linear(1, 1, bias=False) for _ in range(2))
    before, after = EarlyStopping(first, patience=2), EarlyStopping(second, patience=2)
    for value, loss in [(1.0, 1.0), (2.0, 3.0)]:
        torch.nn.init.constant_(first.weight, value)
        before.observe(loss)
    after.resume(before.losses, before.best())
    assert not after.is_over
    after.observe(2.0)
    assert after.is_over
    after.restore()
    assert second.weight.item() == 1.0


def test_without_patience_it_never_stops():
    stopping = EarlyStopping(torch.nn.Linear(1, 1), patience=0)
    for loss in (1.0, 2.0, 3.0):
        stopping.observe(loss)
    assert not stopping.is_over
