"""Prompts as text and as messages, by hand."""

import copy
import re

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.prompt import TEMPLATE, Example, Passage, Prompt, Turn
from acclimate.data.prompt_template import as_messages, as_text, checked_template, reads_turns

FULL = Prompt(
    "3 + 3?",
    task="sums",
    instruction="Add.",
    passages=(Passage("d", "Page", "Sums are sums."), Passage("e", "More", "So they are.")),
    examples=(Example("1 + 1?", "2"), Example("2 + 2?", "4", "Twice two.")),
    answer_prefix="Well:",
)


def test_default_layout_with_everything():
    assert as_text(FULL) == (
        "Add.\n\n"
        "[1] Page\nSums are sums.\n\n"
        "[2] More\nSo they are.\n\n"
        "Question: 1 + 1?\nAnswer: 2\n\n"
        "Question: 2 + 2?\nAnswer: Twice two. 4\n\n"
        "Question: 3 + 3?\nAnswer: Well:"
    )


def test_default_layout_with_the_question_alone():
    assert as_text(Prompt("Why?")) == "Question: Why?\nAnswer:"


def test_own_template_may_use_every_part():
    template = (
        "{{ task }}|{{ item_id }}|{{ instruction }}|{{ question }}|{{ choices | join('/') }}|"
        "{% for p in passages %}{{ p.document }}{% endfor %}|{{ answer_prefix }}\n"
    )
    prompt = FULL.with_parts(template=template, choices=("5", "6"), item_id="7")
    assert as_text(prompt) == "sums|7|Add.|3 + 3?|5/6|de|Well:\n"
    assert as_text(FULL, "{{ question }}") == "3 + 3?"


@pytest.mark.parametrize("template", ["{{ questoin }}", "{% if %}", "{{ question"])
def test_bad_template_is_one_sentence(template):
    with pytest.raises(ConfigError, match=r"task 'sums'.*: .*; the parts of a prompt are"):
        as_text(FULL.with_parts(template=template))


@pytest.mark.parametrize(
    "template", ["", TEMPLATE, "{% for e in examples %}{% endfor %}{{ question }}"]
)
def test_a_template_that_can_be_is_given_back(template):
    assert checked_template(template, "examples", "question") == template


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("Say it.", "never shows 'question'; write {{ question }}"),
        ("{{ question }} {{ pasages }}", "no part of a prompt is called 'pasages'; did you mean p"),
        ("a\n{% if question %}", "template, line 2: "),
    ],
)
def test_a_template_that_cannot_be(template, fault):
    with pytest.raises(ConfigError, match=re.escape(fault)):
        checked_template(template, "question")


def test_a_template_runs_no_code():
    attack = "{{ question.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(ConfigError, match="template of task 'sums'"):
        as_text(FULL.with_parts(template=attack))


def test_text_of_others_is_no_template():
    assert as_text(Prompt("{{ 1 + 1 }}")) == "Question: {{ 1 + 1 }}\nAnswer:"


def test_messages():
    assert as_messages(FULL) == [
        {"role": "system", "content": "Add."},
        {"role": "user", "content": "1 + 1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "Twice two. 4"},
        {
            "role": "user",
            "content": "[1] Page\nSums are sums.\n\n[2] More\nSo they are.\n\n3 + 3?",
        },
    ]
    assert as_messages(Prompt("Why?")) == [{"role": "user", "content": "Why?"}]


def test_own_template_is_one_message_without_the_answer_prefix():
    prompt = FULL.with_parts(template="Q {{ question }}{{ answer_prefix }}")
    assert as_messages(prompt) == [{"role": "user", "content": "Q 3 + 3?"}]


TALK = (
    Turn("system", "Be brief."),
    Turn("user", "1?"),
    Turn("assistant", "One."),
    Turn("user", "2?"),
)


def test_a_dialogue_is_read_turn_by_turn():
    messages = as_messages(FULL.with_parts(turns=TALK))
    assert [m["role"] for m in messages] == ["system", *["user", "assistant"] * 3, "user"]
    said = [m["content"] for m in messages]
    assert said[0] == "Add.\n\nBe brief."
    assert said[1:5] == ["1 + 1?", "2", "2 + 2?", "Twice two. 4"]
    assert said[5:7] == ["1?", "One."]
    assert said[7] == "[1] Page\nSums are sums.\n\n[2] More\nSo they are.\n\n2?"


def test_turns_are_read_by_who_chats_and_not_through_a_template(tokenizer):
    assert not reads_turns(Prompt("q", turns=TALK), tokenizer)
    own = copy.deepcopy(tokenizer)
    own.chat_template = "{{ messages }}"
    assert reads_turns(Prompt("q", turns=TALK), own)
    assert not reads_turns(Prompt("q"), own)
    shown = Prompt("q", turns=TALK, template="Q: {{ question }}")
    assert not reads_turns(shown, own)
    assert as_messages(shown) == [{"role": "user", "content": "Q: q"}]
