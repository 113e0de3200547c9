"""Windows: every one once an epoch, any step at once, shares that make up the whole."""

import numpy as np
import pytest
import torch

from acclimate.core.errors import DataError
from acclimate.pretraining.objectives import causal
from acclimate.pretraining.token_windows import WindowSource, _shuffled


class Counting:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def span(self, start, length):
        assert start + length <= self.count
        return np.arange(start, start + length)


def source(**fields):
    return WindowSource(
        **{
            "train": Counting(1001),
            "dev": Counting(500),
            "objective": causal,
            "row_tokens": 11,
            "batch_size": 4,
            "seed": 0,
            **fields,
        }
    )


@pytest.mark.parametrize("count", [1, 2, 7, 100, 1000])
def test_a_shuffle_is_a_permutation(count):
    found = [_shuffled(place, count, 3) for place in range(count)]
    assert sorted(found) == list(range(count))
    assert count < 10 or found != list(range(count))
    assert count < 10 or found != [_shuffled(place, count, 4) for place in range(count)]


def test_every_token_is_predicted_once_an_epoch():
    seen = [
        token
        for step in range(25)  # 100 windows of 10
        for batch in source().passes(step, 0, 1)
        for token in batch.labels.flatten().tolist()
    ]
    assert sorted(seen) == list(range(1, 1001))


def test_epochs_differ_and_steps_do_not():
    rows = [source().passes(step, 0, 1)[0].inputs["input_ids"] for step in (0, 0, 25)]
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])


@pytest.mark.parametrize("size", [2, 3, 4])
def test_processes_share_a_step_and_dev(size):
    def rows(passes):
        return sorted(row.tolist() for batch in passes for row in batch.labels)

    whole = rows(source().passes(7, 0, 1))
    assert rows(b for rank in range(size) for b in source().passes(7, rank, size)) == whole
    dev = rows(source().dev_passes(0, 1))
    assert rows(b for rank in range(size) for b in source().dev_passes(rank, size)) == dev
    assert len(dev) == 49


def test_passes_of_the_size_asked():
    passes = source(micro_batch_size=3).passes(0, 0, 1)
    assert [len(batch.labels) for batch in passes] == [3, 1]


def test_text_shorter_than_a_row():
    with pytest.raises(DataError, match=r"5 tokens, fewer than one row of 11"):
        source(train=Counting(5))
    assert not source(dev=Counting(5)).has_dev


def test_a_process_without_rows_learns_nothing():
    for passes in (source().passes(7, 5, 6), list(source(dev=Counting(12)).dev_passes(1, 2))):
        assert [(b.num_targets, b.num_tokens) for b in passes] == [(0, 0)]


def test_without_dev_there_is_none_to_read():
    for dev in (None, Counting(5)):
        assert list(source(dev=dev).dev_passes(0, 1)) == []
