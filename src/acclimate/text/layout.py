"""Lay a prompt out as the text or the chat messages that a model reads."""

from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.prompt import TEMPLATE, Prompt

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
    source = prompt.template if template is None else template
    try:
        return _compiled(source).render(parts)
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
    try:
        named = meta.find_undeclared_variables(_environment.parse(template))
    except TemplateSyntaxError as error:
        raise ConfigError(f"template, line {error.lineno}: {error.message}") from None
    for part in shown:
        if part not in named:
            raise ConfigError(f"template: never shows '{part}'; write {{{{ {part} }}}} or loop")
    for name in sorted(named - set(Prompt.__slots__)):
        fault = UnknownNameError("part of a prompt", name, set(Prompt.__slots__) - {"template"})
        raise ConfigError(f"template: {fault}")
    return template


def as_messages(prompt: Prompt) -> list[dict[str, str]]:
    """Lay out as OpenAI-style messages: instruction, examples as turns, passages and question.

    The prompt's `lead` is not in them: it begins the assistant's answer.
    """
    if prompt.template != TEMPLATE:
        return [{"role": "user", "content": as_text(prompt.having(lead=""))}]
    messages = [{"role": "system", "content": prompt.instruction}] if prompt.instruction else []
    for example in prompt.examples:
        answer = f"{example.rationale} {example.answer}".strip()
        messages += [
            {"role": "user", "content": example.question},
            {"role": "assistant", "content": answer},
        ]
    return [*messages, {"role": "user", "content": as_text(prompt, USER_TURN)}]


@lru_cache(maxsize=64)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)
