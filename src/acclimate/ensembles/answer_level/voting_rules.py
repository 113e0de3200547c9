"""Count ballots: majority, weighted, Borda, instant run-off, with open ties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Rule = Literal["majority", "weighted", "borda", "runoff"]
"""How ballots are counted. Only `weighted` counts weights; elsewhere they decide ties."""
DIGITS = 9
"""Totals that agree to so many are equal: sums in another order differ in the last ones."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One voter's ranking of the candidates."""

    ranking: tuple[str, ...]
    """Candidates, best first; it need not name all."""
    weight: float = 1.0
    """At least 0; only its ratio to the others' matters."""
    confidence: float = 0.0
    """How sure the voter is of its first, in [0, 1]; decides ties."""


@dataclass(frozen=True, slots=True)
class Count:
    """The outcome of a vote."""

    order: tuple[str, ...]
    """Every candidate, the winner first."""
    totals: Mapping[str, float]
    """Votes or points, which never grow along `order`; in a run-off those held when it was out."""
    is_tie: bool
    """Whether equal totals had to be told apart to find the winner."""

    @property
    def shares(self) -> list[float]:
        """Each candidate's share, in the order of `order`, all different and with sum 1.

        Totals, and one vote more that is split by rank, so that each is above 0 and above the
        next.
        """
        size = len(self.order)
        extra = [2 * (size - rank) / (size * (size + 1)) for rank in range(size)]
        votes = [self.totals[name] + part for name, part in zip(self.order, extra, strict=True)]
        return [vote / sum(votes) for vote in votes]


def count(ballots: Sequence[Ballot], rule: Rule, candidates: Sequence[str] = ()) -> Count:
    """Count ballots; ties go to the larger confidence, then weight, then to the first named.

    Confidence and weight are sums over the ballots that rank a candidate first. "First named" goes
    by the ballots' first places, in the order of the voters.

    Args:
        ballots: At least one that names a candidate.
        rule: How they are counted.
        candidates: All there are; empty: those on the ballots.
    """
    firsts = [ballot.ranking[0] for ballot in ballots if ballot.ranking]
    others = [name for ballot in ballots for name in ballot.ranking]
    named = list(dict.fromkeys([*firsts, *others, *candidates]))
    merits = _merits(ballots, named)
    if rule == "runoff":
        return _runoff(ballots, named, merits)
    totals = _points(ballots, named) if rule == "borda" else _votes(ballots, named, rule)
    totals = {name: round(total, DIGITS) for name, total in totals.items()}
    order = sorted(named, key=lambda name: (totals[name], *merits[name]), reverse=True)
    is_tie = len(order) > 1 and totals[order[0]] == totals[order[1]]
    return Count(tuple(order), totals, is_tie)


Merits = Mapping[str, tuple[float, float, int]]
"""Candidate → confidence, weight and minus its rank among the named: what decides ties."""


def _merits(ballots: Sequence[Ballot], named: Sequence[str]) -> Merits:
    sure = dict.fromkeys(named, 0.0)
    heavy = dict.fromkeys(named, 0.0)
    for ballot in ballots:
        for name in ballot.ranking[:1]:
            sure[name] += ballot.confidence
            heavy[name] += ballot.weight
    return {
        name: (round(sure[name], DIGITS), round(heavy[name], DIGITS), -rank)
        for rank, name in enumerate(named)
    }


def _votes(ballots: Sequence[Ballot], named: Sequence[str], rule: Rule) -> dict[str, float]:
    """Votes for each first place; weights are scaled to a mean of 1."""
    ranked = [ballot for ballot in ballots if ballot.ranking]
    mass = sum(ballot.weight for ballot in ranked)
    totals = dict.fromkeys(named, 0.0)
    for ballot in ranked:
        is_weighed = rule == "weighted" and mass > 0
        totals[ballot.ranking[0]] += ballot.weight * len(ranked) / mass if is_weighed else 1.0
    return totals


def _points(ballots: Sequence[Ballot], named: Sequence[str]) -> dict[str, float]:
    """A point for each candidate ranked lower; those not ranked share their places' mean."""
    totals = dict.fromkeys(named, 0.0)
    for ballot in (ballot for ballot in ballots if ballot.ranking):
        unranked = len(named) - len(ballot.ranking)
        points = {name: len(named) - 1.0 - rank for rank, name in enumerate(ballot.ranking)}
        for name in named:
            totals[name] += points.get(name, (unranked - 1) / 2)
    return totals


def _runoff(ballots: Sequence[Ballot], named: Sequence[str], merits: Merits) -> Count:
    """The last in first places goes out, and its ballots go on to their next, until one is left."""
    left, is_tie = list(named), False
    out: list[str] = []
    totals = dict.fromkeys(named, 0.0)
    while len(left) > 1 or not out:
        held = _held(ballots, left)
        last = min(left, key=lambda name: (held[name], *merits[name]))
        is_tie |= held[last] > 0 and list(held.values()).count(held[last]) > 1
        totals |= held
        left.remove(last)
        out.append(last)
    return Count((*left, *reversed(out)), totals, is_tie)


def _held(ballots: Sequence[Ballot], left: Sequence[str]) -> dict[str, float]:
    """How many ballots rank each candidate before all others that are left."""
    held = dict.fromkeys(left, 0.0)
    for ballot in ballots:
        standing = next((name for name in ballot.ranking if name in held), None)
        if standing is not None:
            held[standing] += 1
    return held
