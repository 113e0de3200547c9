"""Ballots counted by hand, ties among them."""

import pytest
import torch

from acclimate.ensembles.token_level.token_votes import TokenBallot


def won(ballot, members, weights=None):
    """The winner among tokens a, b, c, d of members that give them these probabilities."""
    logits = [torch.tensor([own]).log() for own in members]
    table = torch.tensor([weights or [1.0] * len(members)])
    return "abcd"[int(ballot.scores(logits, table).argmax(-1))]


A = (0.60, 0.30, 0.06, 0.04)
B = (0.06, 0.50, 0.40, 0.04)
C = (0.04, 0.06, 0.55, 0.35)


def test_majority():
    # First choices are a, b, b.
    assert won(TokenBallot(num_choices=1), [A, B, (0.2, 0.5, 0.2, 0.1)]) == "b"
    # Two each: a b | b c | c d: b and c have two votes; summed, b 0.86 and c 1.01.
    assert won(TokenBallot(num_choices=2), [A, B, C]) == "c"


def test_weighted():
    one = TokenBallot(rule="weighted", num_choices=1)
    assert won(one, [A, B, C], [5, 2, 2]) == "a"
    # Two votes of weight 3 against one of 5.
    assert won(one, [A, B, (0.1, 0.6, 0.2, 0.1)], [5, 3, 3]) == "b"
    assert won(one, [A, B, (0.1, 0.6, 0.2, 0.1)], [50, 30, 30]) == "b"
    # Under majority weights do not count.
    assert won(TokenBallot(num_choices=1), [A, B, (0.1, 0.6, 0.2, 0.1)], [9, 1, 1]) == "b"


def test_ranked():
    # Three places, 3 2 1 points: a 3+1, b 2+3+1, c 1+2+3 (d of C 2): b 6 and c 6 tie; c is
    # likelier in sum.
    assert won(TokenBallot(rule="ranked", num_choices=3, outlier_prob=0), [A, B, C]) == "c"
    # Two places, 2 1 points: a 2, b 1+2, c 1+2, and b with another voter for it.
    more = [A, B, C, (0.3, 0.65, 0.03, 0.02)]
    assert won(TokenBallot(rule="ranked", num_choices=2), more) == "b"


def test_a_token_with_one_unsure_voter_is_filtered():
    unsure = (0.04, 0.36, 0.3, 0.3)
    flat = (0.34, 0.33, 0.0001, 0.3299)
    plain = TokenBallot(rule="weighted", num_choices=1, outlier_prob=0)
    assert won(plain, [flat, unsure, unsure], [9, 1, 1]) == "a"
    wary = TokenBallot(rule="weighted", num_choices=1, outlier_prob=0.5)
    # One voter alone, below 0.5; the other has two.
    assert won(wary, [flat, unsure, unsure], [9, 1, 1]) == "b"
    # Where all would be, none is.
    assert won(TokenBallot(num_choices=1, outlier_prob=1), [A, B, C]) in "abc"


def test_ties_by_summed_probability_then_weight_then_order():
    one = TokenBallot(num_choices=1)
    assert won(one, [(0.6, 0.2, 0.1, 0.1), (0.1, 0.7, 0.1, 0.1)]) == "b"
    even = [(0.6, 0.3, 0.05, 0.05), (0.3, 0.6, 0.05, 0.05)]
    assert won(one, even, [1, 2]) == "b"
    assert won(one, even, [2, 1]) == "a"
    assert won(one, even) == "a"
    assert won(one, even[::-1]) == "b"


def test_one_that_is_not_heard_has_no_vote():
    assert won(TokenBallot(num_choices=1), [A, A, B], [0, 0, 1]) == "b"
    # Nor does its vote lift another's over the filter.
    same = (0.34, 0.33, 0.33, 0.0)
    found = TokenBallot(num_choices=1, outlier_prob=0.5).scores(
        [torch.tensor([own]).log() for own in (same, same, B, B)],
        torch.tensor([[1.0, 0.0, 1.0, 1.0]]),
    )
    assert found.isfinite().tolist() == [[False, True, False, False]]


def test_a_vote_weighs_by_the_mean():
    logits = [torch.tensor([own]).log() for own in (A, B)]
    weights = torch.tensor([[3.0, 1.0]])
    mean = (torch.tensor(A) + torch.tensor(B)) / 2
    heavy = (3 * torch.tensor(A) + torch.tensor(B)) / 4
    assert TokenBallot().logprobs(logits, weights).exp()[0].tolist() == pytest.approx(mean.tolist())
    found = TokenBallot(rule="weighted").logprobs(logits, weights).exp()[0].tolist()
    assert found == pytest.approx(heavy.tolist())
