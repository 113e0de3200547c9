"""Judge a base's answers, two at a time; what you like better becomes preferences."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from acclimate.cli._preference_file import Judgements
from acclimate.cli._terminal import UNBOUNDED, console, echo
from acclimate.core.domain import Domain, Preference
from acclimate.core.errors import ConfigError, DataError
from acclimate.core.model import Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.seeding import derive
from acclimate.study.preflight import check_base
from acclimate.study.spec import make_spec

_NUM_DRAWS = 4
"""Draws in which two different answers are looked for."""
KEYS = {"1": "1", "2": "2", "t": "tie", "tie": "tie", "s": "skip", "skip": "skip"}
KEYS |= {"q": "quit", "quit": "quit"}
ASK = "better: 1 or 2, t(ie), s(kip), q(uit)? "
ALLOWED = "must be 1, 2, t, s or q"


def run(
    domain: Annotated[Path, typer.Argument(help="A domain folder or its catalogue name.")],
    base: Annotated[
        str, typer.Option(help="Whose answers: a folder, hub name or entry of a model.")
    ] = "embedded",
    out: Annotated[
        Path | None, typer.Option(help="JSONL file to add to; preferences.jsonl of the domain.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draws and their order.", min=0)] = 0,
    from_stdin: Annotated[
        bool, typer.Option("--from-stdin", help="Read a choice a line instead of asking.")
    ] = False,
) -> None:
    """Judge two answers to each training item; what was judged before is not asked again."""
    if not from_stdin and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            "feedback asks a person: run it in a terminal, or give a choice a line with "
            "--from-stdin"
        )
    spec = make_spec({"domain": str(domain), "base": base}, "feedback")
    source = spec.base_source()
    domain_data = spec.domain_source().load()
    where = out or (domain if domain.is_dir() else Path()) / "preferences.jsonl"
    judgements = Judgements.opened(where)
    questions = _open(domain_data, judgements)
    check_base(source)
    pairs = _pairs(source.load(), questions, seed)
    num_kept = _sit(console(), judgements, pairs, _told if from_stdin else _asked)
    num_left = len(_open(domain_data, judgements))
    echo(f"{where}: {num_kept} preferences added; {num_left} prompts are left")


def _open(domain: Domain, judgements: Judgements) -> list[tuple[Prompt, Sampling]]:
    """Training items with free answers that nobody has judged, and how they are answered.

    Raises:
        DataError: There are no such items at all.
    """
    items = [
        (task.prompt(item), task)
        for task in domain.train
        for item in task.items
        if not item.choices
    ]
    if not items:
        raise DataError(
            f"{domain.name}: has no training items with free answers, so there is nothing to judge"
        )
    return [
        (prompt, Sampling(temperature=1.0, max_new_tokens=task.max_new_tokens, stop=task.stop))
        for prompt, task in items
        if (prompt.task, prompt.question) not in judgements.known
    ]


def _pairs(
    model: Model, questions: Sequence[tuple[Prompt, Sampling]], seed: int
) -> Iterator[tuple[Prompt, list[str]]]:
    """Each prompt with two different answers, in random order; without where none are found."""
    for prompt, sampling in questions:
        own_seed = derive(seed, prompt.task, prompt.question)
        drawing = sampling.model_copy(update={"seed": own_seed})
        drawn = [answer.text for answer in model.generate([prompt] * _NUM_DRAWS, drawing)]
        # Draws are alike in kind, so their order is as random as any.
        different = list(dict.fromkeys(filter(None, drawn)))
        if len(different) > 1:
            yield prompt, different[:2]


def _sit(
    out: Console,
    judgements: Judgements,
    pairs: Iterator[tuple[Prompt, list[str]]],
    choose: Callable[[], str],
) -> int:
    """Show pairs and keep what is chosen, until all are judged or somebody quits."""
    num_kept = 0
    for prompt, answers in pairs:
        _show(out, prompt, answers)
        choice = choose()
        if choice == "quit":
            break
        if choice in {"tie", "skip"}:
            judgements.pass_over(prompt.task, prompt.question, choice)
            continue
        chosen, rejected = answers if choice == "1" else answers[::-1]
        about: dict[str, Any] = {"prompt": prompt.question, "task": prompt.task}
        judgements.keep(Preference(chosen=chosen, rejected=rejected, **about))
        num_kept += 1
    return num_kept


def _asked() -> str:
    """A choice made at the terminal; the end of input quits."""
    while True:
        try:
            choice = input(ASK).strip().lower()
        except EOFError:
            return "quit"
        if choice in KEYS:
            return KEYS[choice]
        echo(f"'{choice}': {ALLOWED}")


def _told() -> str:
    """The next line of stdin; its end quits.

    Raises:
        DataError: It is no choice. Going on would put the choices after it beside wrong answers.
    """
    line = sys.stdin.readline()
    choice = line.strip().lower()
    if line and choice not in KEYS:
        raise DataError(f"stdin: '{choice}' is no choice; {ALLOWED}")
    return KEYS[choice] if line else "quit"


def _show(out: Console, prompt: Prompt, answers: Sequence[str]) -> None:
    out.print(Text(f"\n{prompt.task}: {prompt.question}", style="bold"))
    width = max(20, out.width // 2 - 1) if out.width < UNBOUNDED else None
    panels = [
        Panel(Text(_visible(text)), title=str(number), width=width, expand=False)
        for number, text in enumerate(answers, 1)
    ]
    out.print(Columns(panels, padding=0))


def _visible(text: str) -> str:
    """Without characters that would steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
