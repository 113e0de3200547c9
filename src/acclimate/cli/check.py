"""Check a domain: what is there, what is wrong with it, and how it will be split."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from acclimate.cli._loss_mask import masks
from acclimate.cli._terminal import console, echo
from acclimate.core.domain import Domain, Task
from acclimate.core.errors import ConfigError
from acclimate.study.preflight import check_base
from acclimate.study.spec import make_spec
from acclimate.tasks.files.folder import DomainWithNotes, Folder
from acclimate.tasks.length_check import check_lengths

NEXT = "Next: acclimate study {folder}"


def run(
    folder: Annotated[Path, typer.Argument(help="A domain folder; see `acclimate init`.")],
    base: Annotated[
        str | None,
        typer.Option(help="Also lay out every item for this model: a folder, hub name or entry."),
    ] = None,
    show_mask: Annotated[
        bool,
        typer.Option("--show-mask", help="Show what the base reads of an item, and learns."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a domain: what is there, what is wrong with it, and how it will be split."""
    reading = _read(folder)
    notes, shown = list(reading.notes), []
    if show_mask and base is None:
        raise ConfigError("--show-mask: says how a base reads items; name one with --base")
    if base is not None:
        spec = make_spec({"domain": str(folder), "base": base}, "check")
        source = spec.base_source()
        check_base(source)
        model = source.load()
        notes += check_lengths(reading.domain, model)
        shown = masks(reading.domain, model) if show_mask else []
        notes += ["no training items, so no mask to show"] if show_mask and not shown else []
    if as_json:
        plain = _plain(reading.domain, notes)
        plain |= {"masks": [mask.plain() for mask in shown]} if show_mask else {}
        typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))
        return
    out = console()
    for mask in shown:
        out.print(mask.shown(), soft_wrap=True)
    _print(out, reading.domain, notes, folder)


def _read(folder: Path) -> DomainWithNotes:
    """A folder, or an entry of the task catalogue by its name."""
    source = make_spec({"domain": str(folder)}, "check").domain_source()
    return source.read() if isinstance(source, Folder) else DomainWithNotes(source.load(), ())


def _print(out: Console, domain: Domain, notes: list[str], folder: Path) -> None:
    out.print(_table(domain))
    echo(_beside(domain))
    for note in notes:
        echo(f"- {note}", hanging=2)
    echo(NEXT.format(folder=folder))


def _table(domain: Domain) -> Table:
    table = Table(title=Text(f"{domain.name}: no errors"), title_justify="left", box=None)
    for name in ("task", "train", "dev", "test", "test groups", "scored by"):
        is_text = name in {"task", "scored by"}
        table.add_column(name, justify="left" if is_text else "right", overflow="fold")
    for row in _rows(domain):
        table.add_row(*(Text(str(cell)) for cell in row.values()))
    return table


def _rows(domain: Domain) -> list[dict[str, Any]]:
    splits = {"train": domain.train, "dev": domain.dev, "test": domain.test}
    tasks = {task.name: task for part in splits.values() for task in part}
    return [
        {
            "task": name,
            **{split: len(_items(part, name)) for split, part in splits.items()},
            "test_groups": len({item.cluster for item in _items(domain.test, name)}),
            "metrics": ", ".join(task.metrics),
        }
        for name, task in tasks.items()
    ]


def _items(tasks: tuple[Task, ...], name: str) -> list[Any]:
    return [item for task in tasks if task.name == name for item in task.items]


def _beside(domain: Domain) -> str:
    counts = _plain(domain, [])
    return (
        f"{counts['documents']} documents ({counts['document_chars']:,} characters), "
        f"{counts['preferences']} preferences, control: {counts['control_texts']} texts and "
        f"{counts['control_items']} items"
    )


def _plain(domain: Domain, notes: list[str]) -> dict[str, Any]:
    control = domain.control
    return {
        "name": domain.name,
        "tasks": _rows(domain),
        "documents": len(domain.documents),
        "document_chars": sum(len(document.text) for document in domain.documents),
        "preferences": len(domain.preferences),
        "control_texts": len(control.texts),
        "control_items": len(control.task.items) if control.task else 0,
        "notes": notes,
    }
