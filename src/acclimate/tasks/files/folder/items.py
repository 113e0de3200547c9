"""The tables of a domain folder as items, each with its place in a file."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from acclimate.core.domain import Document, Item, Preference
from acclimate.core.errors import DataError, UnknownNameError
from acclimate.data.tables.fields import RowError, TableFields, text_in, texts_in
from acclimate.data.tables.read_rows import read_rows
from acclimate.data.tables.row_formats import (
    QuestionAnswer,
    form_of,
    last_turn,
    misspelt,
    question_answer,
)
from acclimate.data.tables.text_lines import line_location

DOMAIN_SPLITS = ("train", "dev", "test")
ALIASES = {"validation": "dev", "valid": "dev", "val": "dev"}
"""Names that other tools give to a split."""
TABLES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True, slots=True)
class LocatedItem:
    """An item, its task, and where it stands."""

    item: Item
    task: str

    @property
    def location(self) -> str:
        """As said in messages: `train.jsonl, line 3`."""
        return self.item.place

    @property
    def text(self) -> str:
        """What makes it the same as another item."""
        return f"{self.item.question}\n{self.item.target}"

    def grouped(self, group: str) -> "LocatedItem":
        """The same item in another group."""
        return replace(self, item=self.item.model_copy(update={"group": group}))


def find_tables(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The file of each split, of preferences and of the control set; and files nobody reads.

    Raises:
        DataError: There is no such folder, or there are two files of one split.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file; give the folder of a domain")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; make one with: acclimate init {folder}")
    known = {*DOMAIN_SPLITS, "preferences", "control"}
    tables: dict[str, Path] = {}
    unread = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in TABLES):
        name = ALIASES.get(path.stem, path.stem)
        if name not in known:
            unread.append(f"{path}: not read; tables are called {', '.join(sorted(known))}")
        elif name in tables:
            raise DataError(f"{tables[name]} and {path} are both the {name} table; keep one")
        else:
            tables[name] = path
    return tables, unread


def read_items(
    path: Path, split: str, tasks: tuple[str, ...]
) -> tuple[list[LocatedItem], list[Document], list[str]]:
    """Questions, rows of running text as documents, and columns that may be misspelt.

    Args:
        path: The table.
        split: Begins the ids of items that have none.
        tasks: Names that `domain.yaml` knows; none: any name will do.

    Raises:
        DataError: A row is malformed; the message names file, line and mend.
    """
    placed, texts = [], []
    strange: dict[str, str] = {}
    for where, line, row in _placed_rows(path):
        try:
            if split in {"train", "control"} and form_of(row) == "text":
                texts.append(Document(id=f"{path.name}:{line}", text=text_in(row, "text")))
            else:
                placed.append(_placed(row, f"{split}-{line}", where, tasks))
        except (RowError, UnknownNameError) as error:
            raise DataError(f"{where}: {error}") from None
        strange |= misspelt(row)
    notes = [f"{path}: nobody reads '{was}'; did you mean '{is_}'?" for was, is_ in strange.items()]
    return placed, texts, notes


def read_preferences(path: Path, tasks: Collection[str] = ()) -> list[Preference]:
    """Pairs of answers: `prompt`, `chosen`, `rejected`, each text or messages; perhaps `task`.

    Args:
        path: The table.
        tasks: Names that the domain knows; none: any name will do.

    Raises:
        DataError: A row is malformed, an answer is empty, or both are the same.
    """
    pairs = []
    for where, _, row in _placed_rows(path):
        try:
            pairs.append(_preference(row, tasks))
        except (RowError, UnknownNameError) as error:
            raise DataError(f"{where}: {error}") from None
    return pairs


def _preference(row: TableFields, tasks: Collection[str]) -> Preference:
    prompt, chosen, rejected = (last_turn(row, name) for name in ("prompt", "chosen", "rejected"))
    for name, text in (("chosen", chosen), ("rejected", rejected)):
        if not text.strip():
            raise RowError(f"'{name}' is empty; write the answer, or drop the row")
    if chosen == rejected:
        raise RowError("chosen and rejected are the same; drop the row")
    task = _optional(row, "task")
    if task and tasks and task not in tasks:
        raise UnknownNameError("task", task, tasks)
    return Preference(prompt=prompt, chosen=chosen, rejected=rejected, task=task)


def _placed_rows(path: Path) -> Iterator[tuple[str, int, TableFields]]:
    for line, row in read_rows(path):
        yield line_location(path, line), line, row


def _placed(row: TableFields, own_id: str, where: str, tasks: tuple[str, ...]) -> LocatedItem:
    parsed = question_answer(row)
    item = Item(
        id=_optional(row, "id") or own_id,
        question=parsed.question,
        target=parsed.target,
        choices=parsed.choices,
        group=_optional(row, "group"),
        sources=texts_in(row, "sources"),
        rationale=_optional(row, "rationale"),
        turns=parsed.turns,
        place=where,
    )
    return LocatedItem(item, _task_name(row, parsed, tasks))


def _optional(row: TableFields, name: str) -> str:
    return "" if row.get(name) is None else text_in(row, name)


def _task_name(row: TableFields, parsed: QuestionAnswer, tasks: tuple[str, ...]) -> str:
    name = _optional(row, "task")
    if not name and not tasks:
        return "choice" if parsed.choices else "answer"
    if not name and len(tasks) == 1:
        return tasks[0]
    if not name:
        raise RowError(f"has no 'task'; domain.yaml names several: {', '.join(tasks)}")
    if tasks and name not in tasks:
        raise UnknownNameError("task", name, tasks)
    return name
