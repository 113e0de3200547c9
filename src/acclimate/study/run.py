"""Run a study: check, lock, plan, race and score; the rest concludes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from acclimate.core.domain import Domain
from acclimate.core.errors import MissingExtraError
from acclimate.core.home import home
from acclimate.core.provenance import is_stale_taken
from acclimate.core.record import digest
from acclimate.core.runtime.progress import notify, progress
from acclimate.core.source_code.running_code import RUNNING
from acclimate.core.storage.artifact_store import Store
from acclimate.study.conclude import conclude
from acclimate.study.dry_run import ARTIFACTS
from acclimate.study.environment import hardware, versions
from acclimate.study.findings import Findings
from acclimate.study.fit_cache import FitCache, FittedModel
from acclimate.study.pinned import pin
from acclimate.study.preflight import (
    check_answers,
    check_base,
    check_names,
    lock,
    require_same_test,
)
from acclimate.study.racing.survivors import survivors
from acclimate.study.results_db import ResultsDb, Row
from acclimate.study.row import RowMaker
from acclimate.study.spec import Recipe, StudySpec, recipes_of
from acclimate.tasks.length_check import check_lengths

Executor = Callable[[Callable[["RowJob"], Row], Iterable["RowJob"]], Iterator[Row]]
"""Runs jobs: `map` in this process; a cluster's own map elsewhere."""


@dataclass(frozen=True)
class RowJob:
    """One recipe under one seed on one split."""

    recipe: Recipe
    seed: int
    split: Literal["dev", "test"]


@dataclass
class Study:
    """A study under way: what it was told, and what it works with."""

    spec: StudySpec
    domain: Domain
    rows: ResultsDb
    fit_cache: FitCache
    recorded: dict[str, FittedModel]
    stale_reasons: set[tuple[str, ...]] = field(default_factory=set)
    """Reasons for which rows are measured again."""

    def _say_again(self, stale: tuple[str, ...]) -> None:
        """Each reason once, however many rows have it."""
        if stale not in self.stale_reasons:
            self.stale_reasons.add(stale)
            notify(f"rows are measured again: {'; '.join(stale)}")

    @cached_property
    def row_maker(self) -> RowMaker:
        """Asks the domain's items."""
        return RowMaker(self.domain)

    def run(self, executor: Executor = map) -> list[Row]:
        """Every row of the study, measured now or kept from before."""
        recipes = recipes_of(self.spec)
        jobs = [RowJob(r, seed, "dev") for r in recipes for seed in self._seeds(r)]
        # Answers made elsewhere were made to the test: they meet no dev items.
        elsewhere = [
            RowJob(Recipe(label=name), self.spec.seeds[0], "test") for name in self.recorded
        ]
        with progress("study", 2 * len(jobs) + len(elsewhere)) as advance:
            dev = []
            for row in executor(self._row, jobs):
                dev.append(row)
                advance(1)
            going_on = survivors(dev)
            test = []
            finals = [RowJob(j.recipe, j.seed, "test") for j in jobs if j.recipe.label in going_on]
            for row in executor(self._row, [*finals, *elsewhere]):
                test.append(row)
                advance(1)
        return [*dev, *test]

    def _seeds(self, recipe: Recipe) -> tuple[int, ...]:
        try:
            methods = recipe.methods()
        except MissingExtraError:
            return self.spec.seeds[:1]
        return self.spec.seeds if any(m.depends_on_seed for m in methods) else self.spec.seeds[:1]

    def _row(self, job: RowJob) -> Row:
        """The row of a job: found, or measured and kept."""
        is_test = job.split == "test"
        tasks = self.row_maker.tasks(job.split)
        begun = Row(
            recipe=job.recipe.label,
            seed=job.seed,
            split=job.split,
            items_hash=digest([[t.items for t in tasks], self.domain.control if is_test else None]),
            versions=versions(),
            hardware=hardware(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            methods = job.recipe.methods()
        except MissingExtraError as error:
            return begun.model_copy(update={"status": "skipped", "reason": str(error)})
        recorded = self.recorded.get(job.recipe.label)
        key = recorded.key if recorded else self.fit_cache.key(methods, job.seed)
        begun = begun.model_copy(
            update={"key": key, "is_trained": any(m.changes_weights for m in methods)}
        )
        stored = self.rows.find(begun)
        if stored is not None and stored.status == "done":
            stale = stored.made_by.stale(self.fit_cache.content(key))
            if not stale or is_stale_taken():
                return stored.model_copy(update={"stale": stale})
            self._say_again(stale)
        row = self.row_maker.measured(
            begun, lambda: recorded or self.fit_cache.node(methods, job.seed)
        )
        self.rows.add(row)
        return row


def run_study(
    spec: StudySpec, folder: Path, *, is_relocked: bool = False, store: Store | None = None
) -> Findings:
    """Run a study whose rows lie in `folder`; goes on where an earlier run was stopped.

    What would come out otherwise by today's code is made again, unless the study is run within
    `acclimate.core.provenance.taking_stale`.

    Raises:
        DataError: The data is malformed, or the test set is not the one that was locked.
        ConfigError: A setting is wrong, or the base is missing or does not fit.
    """
    RUNNING.begin()
    check_names(spec)
    domain_source = spec.domain_source()
    source = spec.base_source().disjoint_from(domain_source)
    with progress("reading the domain", 1) as advance:
        domain = domain_source.load()
        advance(1)
    recorded = recorded_of(spec, domain)
    check_base(source)
    database = folder / "rows.sqlite"
    if database.exists():
        require_same_test(ResultsDb(database), domain, is_relocked=is_relocked)
    base = FittedModel.of(source)
    check_answers(base.model, [*domain.dev, *domain.test])
    check_lengths(domain, base.model)
    # Only now is anything written: a study that cannot be leaves no trace.
    rows = ResultsDb(database)
    lock(rows, domain)
    workshop = FitCache(base, domain.train_data(), store or Store(home() / ARTIFACTS))
    study = Study(spec, domain, rows, workshop, recorded)
    findings = conclude(study.run(), spec, domain, workshop)
    pin(findings, base, folder)
    return findings


def recorded_of(spec: StudySpec, domain: Domain) -> dict[str, FittedModel]:
    """The models that answer the test from tables, by label."""
    by_label = {}
    for label, source in spec.recorded_sources().items():
        by_label[label] = FittedModel.of(source)
        check_answers(by_label[label].model, domain.test)
    return by_label
