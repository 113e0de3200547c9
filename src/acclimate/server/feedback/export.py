"""Feedback as the preferences and training examples that a domain reads."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from acclimate.core.domain import Preference
from acclimate.data.tables.row_formats import QuestionAnswer, question_answer
from acclimate.server.feedback.store import (
    Correction,
    FeedbackStore,
    Rating,
    StoredComparison,
    StoredMessage,
    Vote,
)


class DialoguePoint(NamedTuple):
    """What was asked, and as what task."""

    messages: tuple[StoredMessage, ...]
    task: str


def dialogue(messages: Sequence[StoredMessage]) -> QuestionAnswer:
    """A dialogue up to a question, as the readers of training examples understand it.

    Raises:
        RowError: It has no turn of the user, or an empty one where there must be text.
    """
    # The readers want an answer at the end; which one is all the same to the question.
    turns = [*messages, StoredMessage(role="assistant", content="?")]
    return question_answer({"messages": [turn.model_dump() for turn in turns]})


def preferences(store: FeedbackStore, task: str = "") -> list[Preference]:
    """Rows of `preferences.jsonl`: by votes, by corrections, and by good beside bad answers.

    Pairs that cannot be learned from (an empty answer, the same one twice) are left out.

    Args:
        store: Where the feedback lies.
        task: Of the rows that name none.
    """
    pairs = [*_voted(store), *_corrected(store), *_rated(store)]
    return [
        Preference(
            prompt=dialogue(point.messages).question,
            chosen=chosen,
            rejected=rejected,
            task=point.task or task,
        )
        for point, chosen, rejected in dict.fromkeys(pairs)
        if chosen.strip() and rejected.strip() and chosen != rejected
    ]


def preference_row(liked: Preference) -> dict[str, str]:
    """A row of `preferences.jsonl`, without a task where there is none."""
    return liked.model_dump(exclude={"task"} if not liked.task else set())


def train_rows(store: FeedbackStore, task: str = "") -> list[dict[str, Any]]:
    """Rows of `train.jsonl`: corrected answers, and answers that were rated good.

    Args:
        store: Where the feedback lies.
        task: Of the rows that name none.
    """
    corrected = _last_corrections(store)
    good = [
        (point, text)
        for (point, text), rating in _last_ratings(store).items()
        if rating == "up" and (point, text) not in corrected
    ]
    mended = [(point, correction) for (point, _), correction in corrected.items()]
    return [
        _train_row(point, answer, task)
        for point, answer in dict.fromkeys([*mended, *good])
        if answer.strip()
    ]


def _voted(store: FeedbackStore) -> Iterator[tuple[DialoguePoint, str, str]]:
    shown = {one.ticket: one for one in store.all(StoredComparison)}
    for vote in store.all(Vote):
        one = shown[vote.ticket]
        first, second = (answer.text for answer in one.answers)
        if vote.choice != "tie":
            pair = (first, second) if vote.choice == "first" else (second, first)
            yield DialoguePoint(one.messages, one.task), *pair


def _corrected(store: FeedbackStore) -> Iterator[tuple[DialoguePoint, str, str]]:
    for (point, text), correction in _last_corrections(store).items():
        yield point, correction, text


def _rated(store: FeedbackStore) -> Iterator[tuple[DialoguePoint, str, str]]:
    """Each good answer beside each bad one to the same question."""
    by_place: dict[DialoguePoint, dict[str, list[str]]] = {}
    for (point, text), rating in _last_ratings(store).items():
        by_place.setdefault(point, {"up": [], "down": []})[rating].append(text)
    for point, texts in by_place.items():
        for good, bad in product(texts["up"], texts["down"]):
            yield point, good, bad


def _last_ratings(store: FeedbackStore) -> dict[tuple[DialoguePoint, str], str]:
    return {
        (DialoguePoint(one.messages, one.task), one.answer.text): one.rating
        for one in store.all(Rating)
    }


def _last_corrections(store: FeedbackStore) -> dict[tuple[DialoguePoint, str], str]:
    return {
        (DialoguePoint(one.messages, one.task), one.answer.text): one.corrected
        for one in store.all(Correction)
    }


def _train_row(point: DialoguePoint, answer: str, task: str) -> dict[str, Any]:
    if len(point.messages) == 1:
        row: dict[str, Any] = {"question": point.messages[0].content, "answer": answer}
    else:
        turns = [turn.model_dump() for turn in point.messages]
        row = {"messages": [*turns, {"role": "assistant", "content": answer}]}
    named = point.task or task
    return {**row, "task": named} if named else row
