"""Two answers to a question in random order, from systems that are not told."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom

from acclimate.core.errors import BackendError, DataError
from acclimate.core.model import Completion, Model, Sampling
from acclimate.data.tables.fields import RowError
from acclimate.server.feedback.export import dialogue
from acclimate.server.feedback.store import ShownAnswer, StoredComparison, StoredMessage
from acclimate.server.limits import Limits
from acclimate.server.openai.prompts import chat_prompt
from acclimate.server.openai.requests import ChatMessage as Spoken
from acclimate.server.openai.sampling_params import limits_for

_NUM_DRAWS = 4
"""Draws in which two different answers of a system that stands alone are looked for."""
_ORDER = SystemRandom()


@dataclass(frozen=True)
class ComparisonJob:
    """A question to two systems."""

    messages: tuple[StoredMessage, ...]
    task: str

    def pieces(self, systems: Mapping[str, Model], limits: Limits) -> Iterator[StoredComparison]:
        """The one comparison."""
        yield compared(systems, self.messages, self.task, limits)


def check_question(messages: Sequence[StoredMessage]) -> None:
    """Refuse what is no question, so that all that is kept can be learned from.

    Raises:
        DataError: The user does not speak last, says nothing, or an answer before is empty.
    """
    if not messages or messages[-1].role != "user":
        raise DataError("the last message must be the user's")
    if not messages[-1].content.strip():
        raise DataError("the question is empty; ask something")
    try:
        dialogue(messages)
    except RowError as error:
        raise DataError(str(error)) from None


def compared(
    systems: Mapping[str, Model], messages: tuple[StoredMessage, ...], task: str, limits: Limits
) -> StoredComparison:
    """A question with two answers, under a ticket that tells nothing of who gave them.

    Args:
        systems: By name. Of more than two, two are drawn; one alone answers twice, at temperature
            1.
        messages: The dialogue, up to and with the question.
        task: Task of the domain that it is asked as; empty: none.
        limits: How long an answer may be where the task does not say.

    Raises:
        DataError: The dialogue is none.
        ConfigError: A task that the domain has not.
        BackendError: There is no system.
    """
    check_question(messages)
    spoken = [Spoken(role=turn.role, content=turn.content) for turn in messages]
    (one, first_answer), (two, second_answer) = _drawn(systems, spoken, task, limits)
    return StoredComparison(
        ticket=secrets.token_urlsafe(16),
        messages=messages,
        task=task,
        answers=(_shown(one, first_answer), _shown(two, second_answer)),
        sources=(_sources(first_answer), _sources(second_answer)),
    )


def _drawn(
    systems: Mapping[str, Model], spoken: Sequence[Spoken], task: str, limits: Limits
) -> list[tuple[str, Completion]]:
    """Who answers, and what, in random order; each is asked as it is in a chat."""
    if not systems:
        raise BackendError("there is no system to compare; serve at least one")
    if len(systems) > 1:
        chosen = {name: systems[name] for name in _ORDER.sample(sorted(systems), 2)}
        return [
            (name, model.generate([chat_prompt(model, spoken, task)], _how(model, task, limits))[0])
            for name, model in chosen.items()
        ]
    ((name, model),) = systems.items()
    free = _how(model, task, limits, temperature=1.0, seed=secrets.randbelow(2**31))
    draws = model.generate([chat_prompt(model, spoken, task)] * _NUM_DRAWS, free)
    # Draws are alike in kind, so their order is as random as any.
    first = draws[0]
    second = next((draw for draw in draws if draw.text != first.text), first)
    return [(name, first), (name, second)]


def _how(model: Model, task: str, limits: Limits, **draw: float) -> Sampling:
    """As a chat that asks for nothing is answered."""
    longest = limits_for(model, task, limits).default_new_tokens
    return Sampling.model_validate({"max_new_tokens": longest, **draw})


def _shown(system: str, answer: Completion) -> ShownAnswer:
    return ShownAnswer(text=answer.text, system=system, is_cut=answer.is_cut)


def _sources(answer: Completion) -> tuple[str, ...]:
    return tuple(dict.fromkeys(passage.title or passage.document for passage in answer.passages))
