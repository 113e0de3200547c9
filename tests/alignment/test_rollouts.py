"""Rounds are written when they begin, once, and passed over whole."""

import torch

from acclimate.alignment.ppo_loss import Experience
from acclimate.alignment.rollouts import Rollout, RolloutSource, collate_rollouts
from acclimate.training.packing import TokenizedExample


def rollout(first, length=1):
    example = TokenizedExample([5], [first + i for i in range(length)])
    return Rollout(example, Experience(*torch.full((4, length), float(first))))


def source(asked, **fields):
    def write(number):
        asked.append(number)
        return [rollout(100 * number + i) for i in range(10, 15)]

    told = {"steps_per_round": 6, "batch_size": 2, "seed": 0, "is_seq2seq": False}
    return RolloutSource(write, **{**told, **fields})


def seen(found, steps, rank=0, size=1):
    passes = [b for step in steps for b in found.passes(step, rank, size)]
    return sorted(int(t) for b in passes for t in b.experience.logprobs)


def test_a_round_is_written_once_and_read_twice():
    asked = []
    found = source(asked)
    assert seen(found, range(3)) == seen(found, range(3, 6)) == list(range(10, 15))
    assert asked == [0]
    assert seen(found, range(6, 9)) == list(range(110, 115))
    assert asked == [0, 1]
    assert not found.has_dev
    assert list(found.dev_passes(0, 1)) == []
    assert found.named(7) == "step 2 of 6 in round 2"


def test_processes_share_a_step():
    parts = [seen(source([]), [0], rank, 3) for rank in range(3)]
    assert sorted(t for part in parts for t in part) == seen(source([]), [0])
    (idle,) = source([]).passes(0, 2, 3)
    assert (idle.num_targets, len(idle.experience.logprobs)) == (0, 0)


def test_what_was_noted_stands_beside_its_tokens():
    (batch,) = collate_rollouts([rollout(20, 2), rollout(30, 3)], is_seq2seq=False)
    assert batch.labels[batch.labels >= 0].tolist() == [20, 21, 30, 31, 32]
    assert batch.experience.returns.tolist() == [20, 20, 30, 30, 30]
    assert batch.num_targets == 5
