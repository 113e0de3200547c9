"""Rows of a user's table as questions with answers, in six forms."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NamedTuple

from acclimate.core.prompt import Turn
from acclimate.data.tables.fields import RowError, TableFields, json_list, text_in, texts_in


class QuestionAnswer(NamedTuple):
    """A question, its answer, and the answers to choose from (none: a free answer)."""

    question: str
    target: str
    choices: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    """The dialogue before the answer; none where it is a question alone."""


def form_of(row: TableFields) -> str:
    """Which form the row has: the name of one in `FORMS`, `preference` or `text`.

    Raises:
        RowError: It has none of them.
    """
    for form, (marks, _) in FORMS.items():
        if marks[0] in row:
            return form
    if "text" in row:
        return "text"
    raise RowError(
        f"has the columns {', '.join(map(repr, row)) or 'none'}, which are no known form; "
        "rename them to 'question' and 'answer' (and 'choices'), 'prompt' and 'completion', "
        "'instruction' and 'output', 'messages', 'conversations' or 'text'"
    )


def question_answer(row: TableFields) -> QuestionAnswer:
    """The row as a question with its answer.

    Raises:
        RowError: A column is missing, empty or of the wrong kind, or the answer is not a choice.
    """
    form = form_of(row)
    if form not in FORMS:
        raise RowError(f"has '{form}' but no question; add 'question' and 'answer'")
    marks, read = FORMS[form]
    for mark in marks:
        if row.get(mark) is None:
            raise RowError(f"has '{marks[0]}' but no '{mark}'; add the column '{mark}'")
    parsed = read(row)
    for name, value in (("question", parsed.question), ("answer", parsed.target)):
        if not value.strip():
            raise RowError(f"its {name} is empty; fill it in or drop the row")
    return parsed


def last_turn(row: TableFields, name: str) -> str:
    """A text, or the content of the last message where the column holds messages."""
    value = row.get(name)
    return _turns(row, name, "role", "content")[-1][1] if _is_list(value) else text_in(row, name)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value)


def _question(row: TableFields) -> QuestionAnswer:
    choices = texts_in(row, "choices")
    answer = row["answer"]
    if choices and isinstance(answer, int) and not isinstance(answer, bool):
        if not 0 <= answer < len(choices):
            raise RowError(f"answer={answer}: must be from 0 to {len(choices) - 1}")
        target = choices[answer]
    else:
        target = text_in(row, "answer")
    _check_choices(target, choices)
    return QuestionAnswer(text_in(row, "question"), target, choices)


def _check_choices(target: str, choices: tuple[str, ...]) -> None:
    if not choices:
        return
    distinct = {choice.strip() for choice in choices}
    if len(choices) < 2 or len(distinct) < len(choices) or "" in distinct:
        raise RowError(f"choices={list(choices)}: must be two or more, all different, none empty")
    if target not in choices:
        raise RowError(
            f"answer={target!r:.60} is not among the choices {list(choices)}; write it as one of "
            "them, letter for letter, or give its place, counted from 0, as a number"
        )


def _prompt(row: TableFields) -> QuestionAnswer:
    return QuestionAnswer(last_turn(row, "prompt"), last_turn(row, "completion"))


def _alpaca(row: TableFields) -> QuestionAnswer:
    given = text_in(row, "input") if row.get("input") else ""
    return QuestionAnswer(
        "\n\n".join(filter(None, (text_in(row, "instruction"), given))), _output(row)
    )


def _output(row: TableFields) -> str:
    return text_in(row, "output")


def _messages(row: TableFields) -> QuestionAnswer:
    return _dialogue(_turns(row, "messages", "role", "content"), "messages")


def _sharegpt(row: TableFields) -> QuestionAnswer:
    return _dialogue(_turns(row, "conversations", "from", "value"), "conversations")


_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant"}
_SAID_BY = {"user": "User: ", "assistant": "Assistant: "}


def _turns(row: TableFields, name: str, role: str, content: str) -> list[tuple[str, str]]:
    value: Any = row[name]
    if isinstance(value, str):
        value = json_list(name, value)
    if not _is_list(value) or not all(isinstance(turn, dict) for turn in value):
        raise RowError(f'{name} must be a list of {{"{role}": …, "{content}": …}}')
    return [(_role(text_in(turn, role)), _content(turn, content)) for turn in value]


def _role(name: str) -> str:
    return _ROLES.get(name, name)


def _content(turn: TableFields, name: str) -> str:
    value: Any = turn.get(name)
    if _is_list(value) and all(isinstance(part, dict) and "text" in part for part in value):
        return "\n".join(text_in(part, "text") for part in value)
    return text_in(turn, name)


def _dialogue(turns: list[tuple[str, str]], name: str) -> QuestionAnswer:
    """The last answer is the target; all before it is the question, in one text and as turns."""
    if turns[-1][0] != "assistant" or len(turns) < 2:
        raise RowError(
            f"{name} must end with the assistant's answer to a question; got the roles "
            f"{[role for role, _ in turns]}"
        )
    _check_turns(turns, name)
    before = turns[:-1]
    spoken = sum(role != "system" for role, _ in before)
    marked = [_SAID_BY.get(role, "") + text if spoken > 1 else text for role, text in before]
    earlier_turns = tuple(Turn(*turn) for turn in before) if len(before) > 1 else ()
    return QuestionAnswer("\n\n".join(marked), turns[-1][1], turns=earlier_turns)


def _check_turns(turns: list[tuple[str, str]], name: str) -> None:
    roles = [role for role, _ in turns]
    if "user" not in roles:
        raise RowError(f"{name} must have a turn of the user; got the roles {roles}")
    for number, (role, text) in enumerate(turns[:-1], start=1):
        if role == "assistant" and not text.strip():
            raise RowError(
                f"{name}: the assistant's answer in turn {number} is empty; fill it in or drop the "
                "row"
            )


FORMS: dict[str, tuple[tuple[str, ...], Callable[[TableFields], QuestionAnswer]]] = {
    "messages": (("messages",), _messages),
    "sharegpt": (("conversations",), _sharegpt),
    "question": (("question", "answer"), _question),
    "prompt": (("prompt", "completion"), _prompt),
    "alpaca": (("instruction", "output"), _alpaca),
}
"""Form → the columns that mark it, the first of which tells it, and how it is read."""
_EXTRAS = frozenset({"id", "task", "group", "sources", "rationale", "choices", "input", "text"})
"""Columns that any form may have besides."""
_KNOWN = _EXTRAS.union(*(marks for marks, _ in FORMS.values()))


def misspelt(row: TableFields) -> dict[str, str]:
    """Columns that nobody reads → the column that each may have been meant to be."""
    free = sorted(_KNOWN - set(row))
    near = {name: get_close_matches(name, free, n=1, cutoff=0.8) for name in row}
    return {name: matches[0] for name, matches in near.items() if matches and name not in _KNOWN}
