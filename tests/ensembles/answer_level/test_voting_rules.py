"""Votes against ballots counted by hand, ties among them, and the jury theorem."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acclimate.ensembles.answer_level.voting_rules import Ballot, count

RULES = ("majority", "weighted", "borda", "runoff")


def ballots(*rankings):
    return [Ballot(tuple(ranking)) for ranking in rankings]


# Tennessee's capital, the textbook example: 42, 26, 15 and 17 of a hundred voters.
TENNESSEE = ballots(*["MNCK"] * 42, *["NCKM"] * 26, *["CKNM"] * 15, *["KCNM"] * 17)


def test_tennessee():
    assert count(TENNESSEE, "majority").order[0] == "M"
    points = count(TENNESSEE, "borda")
    assert points.totals == {"N": 194, "C": 173, "M": 126, "K": 107}
    assert points.order == ("N", "C", "M", "K")
    # C goes out with 15, its ballots to K: 42, 26, 32; N goes out, its ballots to K: 42, 58.
    runoff = count(TENNESSEE, "runoff")
    assert runoff.order == ("K", "M", "N", "C")
    assert runoff.totals == {"C": 15, "N": 26, "M": 42, "K": 58}
    assert not runoff.is_tie


def test_weights_count_under_weighted_alone():
    own = [Ballot(("a",), 3.0), Ballot(("b",), 1.0), Ballot(("b",), 1.0)]
    assert count(own, "majority").order == ("b", "a")
    found = count(own, "weighted")
    assert found.order == ("a", "b")
    assert found.totals == pytest.approx({"a": 1.8, "b": 1.2})
    nobody = [Ballot((x,), 0.0) for x in "abb"]
    assert count(nobody, "weighted").order == ("b", "a")


@pytest.mark.parametrize(
    ("one", "other", "winner"),
    [
        (Ballot(("a",), 1, 0.2), Ballot(("b",), 1, 0.9), "b"),
        (Ballot(("a",), 9, 0.2), Ballot(("b",), 1, 0.9), "b"),
        (Ballot(("a",), 1, 0.5), Ballot(("b",), 2, 0.5), "b"),
        (Ballot(("a",), 1, 0.5), Ballot(("b",), 1, 0.5), "a"),
    ],
)
def test_ties_go_by_confidence_then_weight_then_order(one, other, winner):
    for rule in ("majority", "borda", "runoff"):
        found = count([one, other], rule)
        assert found.is_tie
        assert found.order[0] == winner


def test_those_not_ranked_share_what_is_left():
    found = count(ballots("a"), "borda", "abcd")
    assert found.totals == {"a": 3, "b": 1, "c": 1, "d": 1}
    # A ballot none of whose candidates is left no longer counts.
    assert count(ballots("a", "bc", "bc", "cb", "cb"), "runoff", "abc").order[0] in "bc"


def test_condorcets_jury():
    """The majority of five independent voters is right as often as the binomial says."""
    p, n, size = 0.7, 5, 4000
    exact = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(3, n + 1))
    right = np.random.default_rng(0).random((size, n)) < p
    votes = [count(ballots(*("r" if own else "w" for own in row)), "majority") for row in right]
    share = np.mean([found.order[0] == "r" for found in votes])
    assert share == np.mean(right.sum(1) > 2)
    assert abs(share - exact) < 3 * np.sqrt(exact * (1 - exact) / size)


@st.composite
def electorates(draw):
    names = "abcd"
    size = draw(st.integers(1, 7))
    return [
        Ballot(
            tuple(draw(st.permutations(names))[: draw(st.integers(1, 4))]),
            draw(st.integers(0, 4)) / 2,
            draw(st.integers(0, 4)) / 4,
        )
        for _ in range(size)
    ]


@given(electorates(), st.sampled_from(RULES), st.randoms())
def test_properties(own, rule, random):
    found = count(own, rule, "abcd")
    assert sorted(found.order) == list("abcd")
    totals = [found.totals[name] for name in found.order]
    assert totals == sorted(totals, reverse=True)
    assert sum(found.shares) == pytest.approx(1)
    assert all(a > b > 0 for a, b in zip(found.shares, found.shares[1:], strict=False))
    # Weights scale out.
    scaled = [Ballot(b.ranking, b.weight * 7, b.confidence) for b in own]
    assert count(scaled, rule, "abcd").order == found.order
    # The voters' order decides nothing unless all else is equal.
    if not found.is_tie:
        shuffled = random.sample(own, len(own))
        assert count(shuffled, rule, "abcd").order[0] == found.order[0]
