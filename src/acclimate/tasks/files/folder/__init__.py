"""A folder of your own: documents and tables of questions with answers."""

from dataclasses import dataclass
from pathlib import Path

from acclimate.core.domain import Control, Document, Domain, Task
from acclimate.core.errors import DataError
from acclimate.core.source import TaskSource
from acclimate.data.documents.folder import read_documents
from acclimate.tasks.files.folder.checks import (
    check_item_ids,
    check_leaks,
    check_metrics,
    check_sources,
    doubts,
    shared_items,
)
from acclimate.tasks.files.folder.items import (
    DOMAIN_SPLITS,
    LocatedItem,
    find_tables,
    read_items,
    read_preferences,
)
from acclimate.tasks.files.folder.missing_splits import Splits, complete, from_documents
from acclimate.tasks.files.folder.settings import FolderSettings, TaskSettings, read_settings


@dataclass(frozen=True, slots=True)
class DomainWithNotes:
    """A domain, and what the user should know of how it was read."""

    domain: Domain
    notes: tuple[str, ...]
    """One sentence each: splits that were cut, files that were not read."""


class Folder(TaskSource):
    """`domain.yaml`, `documents/`, and the tables train, dev, test, preferences and control.

    Only one of train, documents and test need be there. Tables end in .jsonl, .json, .csv, .tsv
    or .parquet. A row is a question and its answer in one of six forms: `question`, `answer`
    (and `choices`); `prompt`, `completion`; alpaca's `instruction`, `input`, `output`; OpenAI's
    `messages`; sharegpt's `conversations`; or, in train and control, running `text`. A row may
    carry `task`, `group`, `id`, `sources` and `rationale`.
    """

    path: Path
    """The folder."""
    seed: int = 0
    """Of the splits that are cut."""

    def load(self) -> Domain:
        """Read and check it.

        Raises:
            DataError: Something is wrong; the message names the file, the line and the mend.
        """
        return self.read().domain

    def read(self) -> DomainWithNotes:
        """Read and check it, and say what was cut and what was not read.

        Raises:
            DataError: Something is wrong; the message names the file, the line and the mend.
        """
        tables, notes = find_tables(self.path)
        settings = read_settings(self.path)
        documents, unread = read_documents(self.path / "documents")
        given: Splits = {}
        for split in (name for name in DOMAIN_SPLITS if name in tables):
            given[split], texts, strange = read_items(tables[split], split, tuple(settings.tasks))
            documents += texts
            notes += strange
        items = [one for split in given.values() for one in split]
        control = self._control(tables)
        check_item_ids(items)
        check_sources(items, documents)
        check_leaks(given)
        notes += unread + _repeated(given) + doubts(given)
        known = {*settings.tasks, *(one.task for one in items)}
        preferences = (
            read_preferences(tables["preferences"], known) if "preferences" in tables else []
        )
        parts = self._parts(settings, given, documents)
        domain = Domain(
            name=settings.name,
            train=parts.tasks["train"],
            dev=parts.tasks["dev"],
            test=parts.tasks["test"],
            documents=tuple(parts.documents),
            preferences=tuple(preferences),
            control=control,
        )
        return DomainWithNotes(domain, (*notes, *parts.notes))

    def _parts(
        self, settings: FolderSettings, given: Splits, documents: list[Document]
    ) -> "_Parts":
        if any(given.values()):
            splits, notes = complete(given, self.seed)
            return _Parts(_tasks(settings, splits), documents, notes)
        if not documents:
            raise DataError(
                f"{self.path}: has no train or test table and no documents; put one there, or see "
                "a working folder with: acclimate init example"
            )
        try:
            made, remaining, notes = from_documents(documents, self.seed)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None
        return _Parts({**made, "train": ()}, remaining, notes)

    def _control(self, tables: dict[str, Path]) -> Control:
        if "control" not in tables:
            return Control()
        placed, texts, _ = read_items(tables["control"], "control", ())
        check_metrics("control", ("choice_accuracy",), placed)
        check_item_ids(placed)
        items = tuple(one.item for one in placed)
        task = Task(name="control", metrics=("choice_accuracy",), items=items) if items else None
        return Control(texts=tuple(d.text for d in texts), task=task)


@dataclass(frozen=True, slots=True)
class _Parts:
    tasks: dict[str, tuple[Task, ...]]
    documents: list[Document]
    notes: list[str]


def _tasks(settings: FolderSettings, splits: Splits) -> dict[str, tuple[Task, ...]]:
    """Split → its tasks, those that have items in it."""
    everything = [one for split in DOMAIN_SPLITS for one in splits.get(split, [])]
    by_split: dict[str, list[Task]] = {split: [] for split in DOMAIN_SPLITS}
    for name in dict.fromkeys(one.task for one in everything):
        members = [one for one in everything if one.task == name]
        task = _task(name, settings.tasks.get(name, TaskSettings()), members)
        for split in DOMAIN_SPLITS:
            items = tuple(one.item for one in splits.get(split, []) if one.task == name)
            if items:
                by_split[split].append(task.model_copy(update={"items": items}))
    return {split: tuple(tasks) for split, tasks in by_split.items()}


def _task(name: str, settings: TaskSettings, members: list[LocatedItem]) -> Task:
    has_choices = bool(members[0].item.choices)
    metrics = settings.metrics or ("choice_accuracy" if has_choices else "exact_match",)
    check_metrics(name, metrics, members)
    plain = settings.model_dump(exclude={"metric"})
    return Task(name=name, metrics=metrics, **plain)


def _repeated(given: Splits) -> list[str]:
    """Dev items that are also in train mislead the choice; they do not spoil the test."""
    repeated = {match.right for match in shared_items(given.get("train", []), given.get("dev", []))}
    if not repeated:
        return []
    first = given["dev"][min(repeated)].location
    return [f"dev: {len(repeated)} items are also in train, the first at {first}; drop them"]
