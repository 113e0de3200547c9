"""Two answers to a question in random order, from systems that are not told."""

import secrets
from collections.abc import Mapping, Sequence
from random import SystemRandom

from acclimate.core.errors import BackendError, DataError
from acclimate.core.model import Completion, Model, Sampling
from acclimate.server.feedback_export import dialogue
from acclimate.server.feedback_store import Answer, Comparison, Message
from acclimate.server.prompts import chat_prompt
from acclimate.server.schemas import Message as Spoken
from acclimate.text.row_fields import RowError

NUM_DRAWS = 4
"""Draws in which two different answers of a system that stands alone are looked for."""
_ORDER = SystemRandom()


def check_question(messages: Sequence[Message]) -> None:
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
    systems: Mapping[str, Model], messages: tuple[Message, ...], task: str, sampling: Sampling
) -> Comparison:
    """A question with two answers, under a ticket that tells nothing of who gave them.

    Args:
        systems: By name. Of more than two, two are drawn; one alone answers twice, at temperature
            1.
        messages: The dialogue, up to and with the question.
        task: Task of the domain that it is asked as; empty: none.
        sampling: How answers are drawn.

    Raises:
        DataError: The dialogue is none.
        BackendError: There is no system.
    """
    check_question(messages)
    spoken = [Spoken(role=turn.role, content=turn.content) for turn in messages]
    (one, said), (two, told) = _drawn(systems, spoken, task, sampling)
    return Comparison(
        ticket=secrets.token_urlsafe(16),
        messages=messages,
        task=task,
        answers=(Answer(text=said.text, system=one), Answer(text=told.text, system=two)),
        sources=(_sources(said), _sources(told)),
    )


def _drawn(
    systems: Mapping[str, Model], spoken: Sequence[Spoken], task: str, sampling: Sampling
) -> list[tuple[str, Completion]]:
    """Who answers, and what, in random order; each is asked as it is in a chat."""
    if not systems:
        raise BackendError("there is no system to compare; serve at least one")
    if len(systems) > 1:
        chosen = {name: systems[name] for name in _ORDER.sample(sorted(systems), 2)}
        return [
            (name, model.generate([chat_prompt(model, spoken, task)], sampling)[0])
            for name, model in chosen.items()
        ]
    ((name, model),) = systems.items()
    free = sampling.model_copy(update={"temperature": 1.0, "seed": secrets.randbelow(2**31)})
    draws = model.generate([chat_prompt(model, spoken, task)] * NUM_DRAWS, free)
    # Draws are alike in kind, so their order is as random as any.
    first = draws[0]
    second = next((draw for draw in draws if draw.text != first.text), first)
    return [(name, first), (name, second)]


def _sources(answer: Completion) -> tuple[str, ...]:
    return tuple(dict.fromkeys(passage.title or passage.document for passage in answer.passages))
