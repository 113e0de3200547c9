"""Lay a prompt out as the text or the chat messages that a model reads."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.prompt import FORMER_PARTS, TEMPLATE, Prompt, Turn

_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)

USER_TURN = """\
{% for p in passages %}[{{ loop.index }}] {{ p.title }}
{{ p.text }}

{% endfor %}{{ question }}"""
"""What a chat model's user says, unless the prompt has a template of its own."""


def as_text(prompt: Prompt, template: str | None = None) -> str:
    """Lay out with the prompt's own template, or another.

    Raises:
        ConfigError: The template is malformed or names a part that prompts do not have.
    """
    parts = {name: getattr(prompt, name) for name in Prompt.__slots__ if name != "template"}
    former = {before: parts[now] for before, now in FORMER_PARTS.items()}
    source = prompt.template if template is None else template
    try:
        return _compiled(source).render(parts | former)
    except Exception as error:  # templates raise what they like
        line = f", line {error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
        raise ConfigError(
            f"template of task '{prompt.task}'{line}: {error}; the parts of a prompt are "
            f"{', '.join(sorted(parts))}"
        ) from error


def checked_template(template: str, *shown: str) -> str:
    """The template, if it can be laid out and shows all it must; an empty one keeps the task's.

    Args:
        template: Jinja, of a whole prompt.
        shown: Parts of a prompt that it must mention.

    Raises:
        ConfigError: It is malformed, lacks one of them, or names what is no part of a prompt.
    """
    if not template:
        return template
    named = named_in(template)
    for part in shown:
        if part not in named:
            raise ConfigError(f"template: never shows '{part}'; write {{{{ {part} }}}} or loop")
    for name in sorted(named - set(Prompt.__slots__)):
        fault = UnknownNameError("part of a prompt", name, set(Prompt.__slots__) - {"template"})
        raise ConfigError(f"template: {fault}")
    return template


def named_in(template: str) -> set[str]:
    """What a template asks for by name.

    Raises:
        ConfigError: It is malformed.
    """
    try:
        return meta.find_undeclared_variables(_environment.parse(template))
    except TemplateSyntaxError as error:
        raise ConfigError(f"template, line {error.lineno}: {error.message}") from None


def filled(template: str, parts: Mapping[str, Any]) -> str:
    """A template with its names filled in.

    Raises:
        ConfigError: It cannot be.
    """
    try:
        return _compiled(template).render(parts)
    except Exception as error:  # templates raise what they like
        raise ConfigError(f"template '{template:.60}': {error}") from error


def as_messages(prompt: Prompt) -> list[dict[str, str]]:
    """Lay out as OpenAI-style messages: instruction, examples as turns, passages and question.

    A dialogue's own turns stand after the examples, its system turn with the instruction. The
    prompt's `answer_prefix` is not in them: it begins the assistant's answer.
    """
    if prompt.template != TEMPLATE:
        return [_message("user", as_text(prompt.with_parts(answer_prefix="")))]
    turns = prompt.turns or (Turn("user", prompt.question),)
    systems = [turn.content for turn in turns if turn.role == "system"]
    system = "\n\n".join(filter(None, [prompt.instruction, *systems]))
    messages = [_message("system", system)] if system else []
    for example in prompt.examples:
        answer = f"{example.rationale} {example.answer}".strip()
        messages += [_message("user", example.question), _message("assistant", answer)]
    *before, last = [turn for turn in turns if turn.role != "system"]
    messages += [_message(turn.role, turn.content) for turn in before]
    content = as_text(prompt.with_parts(question=last.content), USER_TURN)
    return [*messages, _message(last.role, content)]


def reads_turns(prompt: Prompt, tokenizer: Any) -> bool:
    """Whether a model with this tokenizer reads the prompt's own turns, and not its question."""
    return bool(prompt.turns and tokenizer.chat_template and prompt.template == TEMPLATE)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@lru_cache(maxsize=64)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)
