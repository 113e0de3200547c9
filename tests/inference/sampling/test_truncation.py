"""What is kept, counted by hand; transformers is asked in the tests of the whole distribution."""

import torch

from acclimate.core.model import Sampling
from acclimate.inference.sampling.sampler import truncate_logits

LOGITS = torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.05, 0.05, 0.8, 0.1]]).log()


def test_each_keeps_what_it_says():
    def places(**how):
        return [
            row.nonzero()[:, 0].tolist()
            for row in truncate_logits(LOGITS, Sampling(**how)).isfinite()
        ]

    assert places() == [[0, 1, 2, 3]] * 2
    assert places(top_k=2) == [[0, 1], [2, 3]]
    assert places(top_p=0.65) == [[0, 1], [2]]
    assert places(top_p=0.75) == [[0, 1, 2], [2]]
    assert places(min_p=0.3) == [[0, 1, 2], [2]]
    # Of those that top-k left, the nucleus is another: 0.4 of 0.7 is more than half.
    assert places(top_k=2, top_p=0.55) == [[0], [2]]


def test_what_cannot_be_stays_out():
    logits = torch.tensor([[0.0, float("-inf"), 0.0]])
    for how in (Sampling(top_p=0.999), Sampling(top_k=3), Sampling(min_p=0.1)):
        assert truncate_logits(logits, how).tolist() == logits.tolist()


def test_what_was_given_stays_as_it_was():
    before = LOGITS.clone()
    truncate_logits(LOGITS, Sampling(top_k=1, top_p=0.5, min_p=0.5))
    assert torch.equal(LOGITS, before)
