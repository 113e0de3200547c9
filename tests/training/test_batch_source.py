"""Examples: every one once an epoch, any step at once, shares that make up the whole."""

import pytest

from acclimate.training.batch_source import ExampleSource
from acclimate.training.packing import IGNORED, TokenizedExample

EXAMPLES = [TokenizedExample([10 + i], [30 + i, 0]) for i in range(10)]


def source(**fields):
    told = {"train": EXAMPLES, "dev": EXAMPLES[:3], "batch_size": 4, "seed": 0}
    return ExampleSource(**{**told, "is_seq2seq": False, **fields})


def answers(passes):
    """The first token of each answer."""
    return sorted(t for b in passes for t in b.labels.flatten().tolist() if t not in {IGNORED, 0})


@pytest.mark.parametrize("is_seq2seq", [False, True])
def test_every_example_once_an_epoch(is_seq2seq):
    found = source(is_seq2seq=is_seq2seq)
    for epoch in range(2):
        steps = [found.passes(3 * epoch + step, 0, 1) for step in range(3)]
        assert [len(answers(passes)) for passes in steps] == [4, 4, 2]
        assert answers(b for passes in steps for b in passes) == list(range(30, 40))


def test_a_step_is_the_same_whenever_it_is_asked_for():
    first = [answers(source().passes(step, 0, 1)) for step in (5, 0, 5)]
    assert first[0] == first[2]
    others = [answers(source(seed=seed).passes(0, 0, 1)) for seed in range(4)]
    assert len(set(map(tuple, others))) > 1
    assert answers(source().passes(0, 0, 1)) != answers(source().passes(3, 0, 1))


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("is_seq2seq", [False, True])
def test_processes_share_a_step_and_dev(size, is_seq2seq):
    found = source(is_seq2seq=is_seq2seq)
    for step in range(3):
        shares = [found.passes(step, rank, size) for rank in range(size)]
        whole = answers(found.passes(step, 0, 1))
        assert answers(b for share in shares for b in share) == whole
        assert all(shares)  # nobody is left without a pass
    shares = [list(found.dev_passes(rank, size)) for rank in range(size)]
    assert answers(b for share in shares for b in share) == [30, 31, 32]
    assert all(shares)


def test_a_process_without_examples_learns_nothing():
    passes = source().passes(2, 4, 5)  # the last step of an epoch has two
    assert [(b.num_targets, b.num_tokens) for b in passes] == [(0, 0)]


def test_there_may_be_no_dev():
    assert source().has_dev
    assert not source(dev=[]).has_dev
    assert list(source(dev=[]).dev_passes(0, 1)) == []
    assert source().targets_per_byte is None


def test_where_a_step_stands():
    assert source().named(0) == "batch 1 of 3 in epoch 1"
    assert source().named(5) == "batch 3 of 3 in epoch 2"
