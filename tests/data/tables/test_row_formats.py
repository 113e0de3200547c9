"""Six forms of rows, and what is refused."""

import pytest

from acclimate.core.prompt import Turn
from acclimate.data.tables.fields import RowError
from acclimate.data.tables.row_formats import QuestionAnswer, form_of, last_turn, question_answer


def talk(**said):
    return {"messages": [{"role": role, "content": text} for role, text in said.items()]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": "q", "answer": "a"}, QuestionAnswer("q", "a")),
        ({"question": "q", "answer": 3}, QuestionAnswer("q", "3")),
        (
            {"question": "q", "answer": "b", "choices": ["a", "b"]},
            QuestionAnswer("q", "b", ("a", "b")),
        ),
        (
            {"question": "q", "answer": 1, "choices": ["a", "b"]},
            QuestionAnswer("q", "b", ("a", "b")),
        ),
        (
            {"question": "q", "answer": "b", "choices": '["a", "b"]'},
            QuestionAnswer("q", "b", ("a", "b")),
        ),
        ({"prompt": "q", "completion": "a"}, QuestionAnswer("q", "a")),
        ({"instruction": "do", "input": "this", "output": "a"}, QuestionAnswer("do\n\nthis", "a")),
        ({"instruction": "do", "input": "", "output": "a"}, QuestionAnswer("do", "a")),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
            QuestionAnswer("q", "a"),
        ),
        (
            {
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": [{"type": "text", "text": "q"}]},
                    {"role": "assistant", "content": "a"},
                ]
            },
            QuestionAnswer("s\n\nq", "a", turns=(Turn("system", "s"), Turn("user", "q"))),
        ),
        (
            {
                "conversations": [
                    {"from": "human", "value": "q1"},
                    {"from": "gpt", "value": "a1"},
                    {"from": "human", "value": "q2"},
                    {"from": "gpt", "value": "a2"},
                ]
            },
            QuestionAnswer(
                "User: q1\n\nAssistant: a1\n\nUser: q2",
                "a2",
                turns=(Turn("user", "q1"), Turn("assistant", "a1"), Turn("user", "q2")),
            ),
        ),
    ],
)
def test_forms(row, expected):
    assert question_answer(row) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"foo": 1}, "has the columns 'foo', which are no known form"),
        ({"question": "q"}, "has 'question' but no 'answer'"),
        ({"prompt": "q"}, "has 'prompt' but no 'completion'"),
        ({"instruction": "q", "input": ""}, "has 'instruction' but no 'output'"),
        ({"question": "q", "answer": None}, "no 'answer'"),
        ({"question": " ", "answer": "a"}, "its question is empty"),
        ({"question": "q", "answer": ""}, "its answer is empty"),
        ({"question": ["q"], "answer": "a"}, "must be text"),
        ({"question": "q", "answer": True}, "must be text"),
        ({"question": "q", "answer": "c", "choices": ["a", "b"]}, "'c' is not among the choices"),
        ({"question": "q", "answer": 2, "choices": ["a", "b"]}, "must be from 0 to 1"),
        ({"question": "q", "answer": "a", "choices": ["a"]}, "two or more, all different"),
        ({"question": "q", "answer": "a", "choices": ["a", "a"]}, "two or more, all different"),
        ({"question": "q", "answer": "a", "choices": "[a"}, "must be a JSON list"),
        ({"question": "q", "answer": "a", "choices": {"a": 1}}, "must be a list of texts"),
        ({"messages": []}, "must be a list of"),
        ({"messages": [{"role": "user", "content": "q"}]}, "must end with the assistant's answer"),
        ({"messages": [{"content": "q"}]}, "has no 'role'"),
        (talk(system="s", assistant="a"), "must have a turn of the user; got the roles"),
        (talk(user="q", assistant=" "), "its answer is empty"),
        (
            {
                "messages": [
                    *talk(user="q", assistant="")["messages"],
                    *talk(user="q2", assistant="a")["messages"],
                ]
            },
            "the assistant's answer in turn 2 is empty; fill it in or drop the row",
        ),
        ({"text": "running"}, "has 'text' but no question"),
    ],
)
def test_refused(row, message):
    with pytest.raises(RowError) as raised:
        question_answer(row)
    assert message in str(raised.value)


def test_text_is_a_form():
    assert form_of({"text": "running", "source": "x"}) == "text"


def test_last_turn_reads_text_or_messages():
    assert last_turn({"chosen": "a"}, "chosen") == "a"
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert last_turn({"chosen": turns}, "chosen") == "a"
