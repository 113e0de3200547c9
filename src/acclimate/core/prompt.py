"""A question on its way to a model: parts that stay apart until it is laid out."""

from dataclasses import dataclass, fields, replace
from typing import Any

TEMPLATE = """\
{% if instruction %}{{ instruction }}

{% endif %}\
{% for p in passages %}[{{ loop.index }}] {{ p.title }}
{{ p.text }}

{% endfor %}\
{% for e in examples %}Question: {{ e.question }}
Answer:{% if e.rationale %} {{ e.rationale }}{% endif %} {{ e.answer }}

{% endfor %}\
Question: {{ question }}
Answer:{% if answer_prefix %} {{ answer_prefix }}{% endif %}"""
"""The default layout of a prompt for a model without a chat template (Jinja)."""

_TEMPLATE_BEFORE = TEMPLATE.replace("answer_prefix", "lead")
FORMER_PARTS = {"lead": "answer_prefix", "sought": "retrieval_query"}
"""What templates in models saved before call parts that have another name now."""

RUNNING_TEXT = TEMPLATE.replace("Question: {{ question }}\nAnswer:", "{{ question }}")
"""The layout of text to go on with as it stands: what methods add comes before it, and no chat
template is used."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document."""

    document: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said in a dialogue."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its answer, shown before the real one."""

    question: str
    answer: str
    rationale: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question and all that methods have put around it.

    Rewriting methods add parts; the model that answers lays them out with `template`, and where
    its context window is short it drops passages, then examples, from the end. The question is
    never cut.
    """

    question: str
    task: str = ""
    item_id: str = ""
    instruction: str = ""
    passages: tuple[Passage, ...] = ()
    examples: tuple[Example, ...] = ()
    choices: tuple[str, ...] = ()
    answer_prefix: str = ""
    """What the answer begins with, already said on the model's behalf."""
    template: str = TEMPLATE
    """Jinja; empty: nothing stands before what follows, which is running text."""
    turns: tuple[Turn, ...] = ()
    """The dialogue before the answer, which a chat model reads in the question's place; empty: a
    plain question."""
    retrieval_query: str = ""
    """What passages and examples are looked up by; empty: the question."""

    def __repr__(self) -> str:
        """Every part, under the name it had at first.

        Draws are seeded by this text: another one would be other draws.
        """
        first = {now: before for before, now in FORMER_PARTS.items()}
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["template"] = self.template.replace("answer_prefix", "lead")
        parts = (f"{first.get(name, name)}={value!r}" for name, value in values.items())
        return f"{type(self).__name__}({', '.join(parts)})"

    @property
    def query(self) -> str:
        """By what passages and examples are looked up."""
        return self.retrieval_query or self.question

    def with_parts(self, **parts: Any) -> "Prompt":
        """A copy with some parts replaced."""
        return replace(self, **parts)


def current_template(template: str) -> str:
    """The template, or today's default where it is what the default was before."""
    return TEMPLATE if template == _TEMPLATE_BEFORE else template
