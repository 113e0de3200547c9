"""Tally of the members' answers to one prompt, decided by weights.

Letters: K members, C candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from acclimate.core.choice_probabilities import Question, probabilities
from acclimate.core.model import NOT_ANSWERED_LOGPROB, Completion, LogLikelihood
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import log_mean
from acclimate.core.types import Floats
from acclimate.data.normalization import normalised
from acclimate.ensembles.member_calls import Failure, all_members_failed

LEFT_OUT = "members left out, as one failed or gave nothing, share"


@dataclass(frozen=True, eq=False)
class Tally:
    """The different answers to one prompt, and each member's share in them."""

    candidates: tuple[Completion, ...]
    """The different answers, each as the first member that gives it wrote it; or the choices."""
    shares: Floats
    """(K, C), of each member; a row of zeros where it was left out."""

    def votes(self, weights: Floats) -> Floats:
        """The weighted mean share of each candidate, (C,); even weights where none has an answer.

        Args:
            weights: Of each member, (K,), not negative.
        """
        totals: Floats = weights @ self.shares
        totals = totals if totals.sum() > 0 else self.shares.sum(0)
        shares: Floats = (
            totals / totals.sum() if totals.sum() > 0 else np.full_like(totals, 1 / len(totals))
        )
        return shares

    def winner(self, weights: Floats) -> int:
        """The candidate with the most votes; of equals the first."""
        return int(self.votes(weights).argmax())


def tally_answers(prompt: Prompt, answers: Sequence[Completion | Failure]) -> Tally:
    """Tally of free answers, equal up to case, spaces and marks around them.

    Raises:
        BackendError: Every member fails.
    """
    every = [
        (member, answer) for member, answer in enumerate(answers) if isinstance(answer, Completion)
    ]
    if not every:
        raise all_members_failed(prompt, [a for a in answers if not isinstance(a, Completion)])
    valid = [(member, answer) for member, answer in every if normalised(answer.text)]
    log_mean(LEFT_OUT, len(answers) - len(valid), len(answers))
    by_text: dict[str, list[tuple[int, Completion]]] = {}
    for member, answer in valid or every[:1]:
        by_text.setdefault(normalised(answer.text), []).append((member, answer))
    shares = np.zeros((len(answers), len(by_text)))
    for column, voters in enumerate(by_text.values()):
        shares[[member for member, _ in voters], column] = 1.0
    return Tally(tuple(_joined([a for _, a in voters]) for voters in by_text.values()), shares)


def _joined(voters: Sequence[Completion]) -> Completion:
    passages = dict.fromkeys(passage for voter in voters for passage in voter.passages)
    return replace(voters[0], passages=tuple(passages))


def tally_choices(
    question: Question, answers: Sequence[tuple[LogLikelihood, ...] | Failure]
) -> Tally:
    """Tally of choices, each member's shares being its probabilities.

    Raises:
        BackendError: Every member fails.
    """
    prompt, texts = question
    weighed = [choices for choices in answers if isinstance(choices, tuple)]
    if not weighed:
        raise all_members_failed(prompt, [a for a in answers if not isinstance(a, tuple)])
    shares = np.zeros((len(answers), len(texts)))
    for member, choices in enumerate(answers):
        if isinstance(choices, tuple) and max(w.logprob for w in choices) > NOT_ANSWERED_LOGPROB:
            shares[member] = probabilities(choices)
    log_mean(LEFT_OUT, int((shares.sum(1) == 0).sum()), len(answers))
    passages = tuple(dict.fromkeys(p for choices in weighed for p in choices[0].passages))
    return Tally(tuple(Completion(text, passages=passages) for text in texts), shares)
