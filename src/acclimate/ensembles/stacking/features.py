"""Features of candidate answers: the members' votes and confidences."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from acclimate.core.choice_probabilities import probabilities
from acclimate.core.model import NOT_ANSWERED_LOGPROB, LogLikelihood
from acclimate.data.normalization import normalised

Opinion = Mapping[str, tuple[float, float]]
"""Candidate → whether the member gives it, and how probable the member finds it."""


def opinion_of_choices(texts: Sequence[str], weighed: Sequence[LogLikelihood]) -> Opinion:
    """A member's opinion of choices: its own is the likeliest a byte; empty if it gave none."""
    if max(w.logprob for w in weighed) <= NOT_ANSWERED_LOGPROB:
        return {}
    best = max(range(len(texts)), key=lambda i: weighed[i].per_byte)
    shares = probabilities(weighed)
    return {text: (float(i == best), shares[i]) for i, text in enumerate(texts)}


def opinion_of_answer(text: str, confidence: float) -> Opinion:
    """A member's opinion where answers are free: of others than its own it has none."""
    candidate = normalised(text)
    return {candidate: (1.0, confidence)} if candidate else {}


def features_of(candidates: Sequence[str], opinions: Sequence[Opinion]) -> NDArray[np.float64]:
    """Features of each candidate, (N, 2 M + 1) for M members.

    Of each member its vote and its probability, both 0 where it was left out; and which share of
    the members that were not agrees.
    """
    num_opinions = max(1, sum(bool(opinion) for opinion in opinions))
    rows = []
    for candidate in candidates:
        views = [opinion.get(candidate, (0.0, 0.0)) for opinion in opinions]
        votes = [vote for vote, _ in views]
        rows.append([*votes, *(sure for _, sure in views), sum(votes) / num_opinions])
    return np.array(rows, dtype=np.float64)
