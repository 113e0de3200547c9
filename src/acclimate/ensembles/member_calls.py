"""Calls to an ensemble's members; one that fails is left out."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from acclimate.core.choice_probabilities import Question
from acclimate.core.errors import AcclimateError, BackendError, DataError
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import muted
from acclimate.ensembles.members import Member, labels_of

A = TypeVar("A")
B = TypeVar("B")
Failure = BackendError | DataError
"""What leaves a member out of one answer."""


def call_with_bisection(
    ask: Callable[[Sequence[A]], Sequence[B]], items: Sequence[A]
) -> list[B | Failure]:
    """The result of `ask` for each item, in order, or the error that it failed with.

    Where a call with all items fails, it is repeated on halves, so that one bad item costs few
    calls more. What members log meanwhile is dropped: the ensemble logs under the same names.

    Raises:
        BackendError: There are not as many answers as were asked for.
    """
    if not items:
        return []
    try:
        with muted():
            answers = list(ask(items))
    except (BackendError, DataError) as error:
        if len(items) == 1:
            return [error]
        half = len(items) // 2
        return [*call_with_bisection(ask, items[:half]), *call_with_bisection(ask, items[half:])]
    if len(answers) != len(items):
        raise BackendError(
            f"a member gave {len(answers)} answers where {len(items)} were asked for"
        )
    return list(answers)


def generate_each(
    member: Model, prompts: Sequence[Prompt], sampling: Sampling
) -> list[Completion | Failure]:
    """A member's answer to each prompt."""
    return call_with_bisection(lambda some: member.generate(some, sampling), prompts)


def loglikelihood_each(
    member: Model, questions: Sequence[Question]
) -> list[tuple[LogLikelihood, ...] | Failure]:
    """A member's log-likelihoods of each question's continuations."""

    def ask(some: Sequence[Question]) -> list[tuple[LogLikelihood, ...]]:
        weighed = member.loglikelihood([(prompt, text) for prompt, texts in some for text in texts])
        ends = [0]
        for _, texts in some:
            ends.append(ends[-1] + len(texts))
        return [tuple(weighed[a:b]) for a, b in pairwise(ends)]

    return [_checked(weighed) for weighed in call_with_bisection(ask, questions)]


def _checked(
    weighed: tuple[LogLikelihood, ...] | Failure,
) -> tuple[LogLikelihood, ...] | Failure:
    if isinstance(weighed, tuple) and any(math.isnan(choice.logprob) for choice in weighed):
        return BackendError("a log-likelihood is not a number; are the weights damaged?")
    return weighed


def confidences(member: Model, answers: Sequence[tuple[Prompt, Completion]]) -> list[float]:
    """Geometric mean of the probabilities of each answer's tokens, in (0, 1].

    An answer whose log-probability is not known yet is scored; 0 where it cannot be.
    """
    has_logprobs = "logprobs" in member.capabilities
    unknown = [
        (prompt, (answer.text,))
        for prompt, answer in answers
        if has_logprobs and answer.logprob is None and answer.text
    ]
    weighed = iter(loglikelihood_each(member, unknown))
    return [
        _certainty(answer, weighed if has_logprobs and answer.text else iter(()))
        for _, answer in answers
    ]


def confidences_if_answered(
    member: Model, prompts: Sequence[Prompt], answers: Sequence[Completion | Failure | None]
) -> list[float | None]:
    """As `confidences`, of an answer to each prompt; None where there is none."""
    answered = [
        (prompt, answer)
        for prompt, answer in zip(prompts, answers, strict=True)
        if isinstance(answer, Completion)
    ]
    known = iter(confidences(member, answered))
    return [next(known) if isinstance(answer, Completion) else None for answer in answers]


def _certainty(answer: Completion, weighed: Iterator[tuple[LogLikelihood, ...] | Failure]) -> float:
    if answer.logprob is not None:
        return _per_token(answer.logprob, answer.num_new_tokens)
    scored = next(weighed, None)
    return _per_token(scored[0].logprob, scored[0].num_tokens) if isinstance(scored, tuple) else 0.0


def _per_token(logprob: float, num_tokens: int) -> float:
    """Geometric mean of the probabilities of an answer's tokens; 0 where that is no number."""
    # Rounding may put a logarithm above 0.
    return 0.0 if math.isnan(logprob) else math.exp(min(0.0, logprob / max(1, num_tokens)))


def mean_loglikelihood(
    members: Sequence[Model], weights: Sequence[float], questions: Sequence[Question]
) -> list[tuple[LogLikelihood, ...]]:
    """Each question's one continuation under the weighted mean of the members' probabilities.

    Raises:
        BackendError: No member weighs it.
    """
    rows = [
        loglikelihood_each(m, questions) if w else [] for m, w in zip(members, weights, strict=True)
    ]
    counted = [(row, w) for row, w in zip(rows, weights, strict=True) if w]
    mixed: list[tuple[LogLikelihood, ...]] = []
    for index, (prompt, _) in enumerate(questions):
        answers = [(row[index], weight) for row, weight in counted]
        weighed = [(w[0], weight) for w, weight in answers if isinstance(w, tuple)]
        if not weighed:
            raise all_members_failed(prompt, [w for w, _ in answers if not isinstance(w, tuple)])
        mixed.append((_mixture(weighed),))
    return mixed


def _mixture(weighed: Sequence[tuple[LogLikelihood, float]]) -> LogLikelihood:
    top = max(w.logprob for w, _ in weighed)
    mass = sum(weight * math.exp(w.logprob - top) for w, weight in weighed)
    first = weighed[0][0]
    logprob = top + math.log(mass / sum(weight for _, weight in weighed))
    return LogLikelihood(logprob, first.num_tokens, first.num_bytes, first.passages)


def all_members_failed(prompt: Prompt, failures: Sequence[AcclimateError]) -> BackendError:
    """The error of a question that no member answers."""
    return BackendError(f"no member answers item '{prompt.item_id}': {failures[0]}")


def require_common(members: Sequence[Model], specs: Sequence[Member]) -> None:
    """Refuse tables of answers to different items.

    Raises:
        DataError: No item is known to all members.
    """
    known = [member.answerable_items for member in members]
    tables = [items for items in known if items is not None]
    if len(tables) > 1 and not frozenset.intersection(*tables):
        names = [label for label, items in zip(labels_of(specs), known, strict=True) if items]
        raise DataError(
            f"members {', '.join(names)} have no item in common, so nothing can be combined; "
            "give tables of answers to the same items"
        )


def seconds_of(members: Sequence[Model], prompts: Sequence[Prompt]) -> list[float] | None:
    """What the members' recorded answers took together; as `Model.recorded_seconds`."""
    try:
        taken = [member.recorded_seconds(prompts) for member in members]
    except DataError:
        return []
    if any(row is None for row in taken):
        return None
    rows = [row for row in taken if row]
    return [sum(each) for each in zip(*rows, strict=True)] if len(rows) == len(taken) else []
