"""One process alone: nothing is shared, nothing is waited for."""

import pytest
import torch

from acclimate.training.distributed import (
    World,
    distributed_loss,
    keeping_gradients,
    reshard,
    shard_like,
    unshard,
)
from acclimate.training.packing import IGNORED, Batch


@pytest.fixture
def batch():
    return Batch({"x": torch.ones(2, 3)}, torch.arange(6).reshape(2, 3), num_tokens=6)


class Pair(World):
    """Two processes, of which the other has told what it will say."""

    def __new__(cls, *_):
        return object.__new__(cls)

    def __init__(self, others):
        super().__init__(0, 2)
        object.__setattr__(self, "others", iter(others))

    def total(self, *numbers):
        return [number + next(self.others) for number in numbers]


def test_alone_is_the_default(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    world = World.here()
    assert (world.rank, world.size, world.is_main) == (0, 1, True)
    assert world.total(1.5, 2.0) == [1.5, 2.0]
    assert world.as_main(3.5) == 3.5
    world.wait()


def test_one_process_goes_through_its_own_passes(batch):
    assert list(World().in_step([batch, batch])) == [batch, batch]


def test_who_is_ready_first_idles_until_the_others_are(batch):
    """The other has two passes more than this one."""
    first, *rest = Pair([1.0, 1.0, 0.0]).in_step([batch])
    assert first is batch
    assert [b.num_targets for b in rest] == [0, 0]
    assert [b.inputs for b in rest] == [batch.inputs] * 2


def test_nobody_idles_where_all_have_as_many(batch):
    assert list(Pair([1.0, 0.0]).in_step([batch, batch])) == [batch, batch]


def test_the_main_process_is_believed():
    assert Pair([0.0]).as_main(3.5) == 3.5


def test_an_idle_batch_teaches_nothing(batch):
    idle = batch.idle()
    assert (idle.labels == IGNORED).all()
    assert idle.labels.shape == batch.labels.shape
    assert (idle.num_targets, idle.num_tokens) == (0, 0)
    assert (batch.num_targets, batch.num_tokens) == (6, 6)


def test_alone_the_network_is_not_wrapped(batch):
    layer = torch.nn.Linear(3, 1)
    module = distributed_loss(
        layer, lambda network, b: network(b.inputs["x"]).sum(), "fsdp", World()
    )
    assert module.network is layer
    with keeping_gradients(module, is_last=False):
        assert torch.equal(module(batch), layer(torch.ones(2, 3)).sum())
    reshard(layer)


def test_whole_tensors_are_as_they_were():
    weight = torch.nn.Parameter(torch.ones(2))
    assert unshard(weight).tolist() == [1, 1]
    assert not unshard(weight).requires_grad
    assert shard_like(torch.ones(2), weight).tolist() == [1, 1]
