"""Run a study: check, lock, plan, race and score; the rest concludes."""

import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from acclimate.core.data import Domain, Task, digest
from acclimate.core.errors import (
    AcclimateError,
    BackendError,
    ConfigError,
    MissingExtraError,
    UnknownNameError,
)
from acclimate.core.model import Model
from acclimate.core.progress import progress
from acclimate.core.records import ControlScore, Row, Rows
from acclimate.core.rewriter import unwrap
from acclimate.core.seeding import seed_everything
from acclimate.core.store import Store, home
from acclimate.study.check import check_answers, check_base, check_names
from acclimate.study.conclude import conclude
from acclimate.study.control import control_score
from acclimate.study.findings import Findings
from acclimate.study.lock import lock, require_same_test
from acclimate.study.machine import hardware, versions
from acclimate.study.measure import answerable, as_read, measure
from acclimate.study.race import survivors
from acclimate.study.spec import Recipe, StudySpec, recipes_of
from acclimate.study.workshop import Node, Workshop
from acclimate.tasks.lengths import check_lengths

Executor = Callable[[Callable[["Job"], Row], Iterable["Job"]], Iterator[Row]]
"""Runs jobs: `map` in this process; a cluster's own map elsewhere."""


@dataclass(frozen=True)
class Job:
    """One recipe under one seed on one split."""

    recipe: Recipe
    seed: int
    split: Literal["dev", "test"]


@dataclass
class Study:
    """A study under way: what it was told, and what it works with."""

    spec: StudySpec
    domain: Domain
    rows: Rows
    workshop: Workshop
    recorded: dict[str, Node]
    controls: deque[tuple[Model, ControlScore]] = field(default_factory=lambda: deque(maxlen=6))

    def run(self, executor: Executor = map) -> list[Row]:
        """Every row of the study, measured now or kept from before."""
        recipes = recipes_of(self.spec)
        jobs = [Job(r, seed, "dev") for r in recipes for seed in self._seeds(r)]
        # Answers made elsewhere were made to the test: they meet no dev items.
        elsewhere = [Job(Recipe(label=name), self.spec.seeds[0], "test") for name in self.recorded]
        with progress("study", 2 * len(jobs) + len(elsewhere)) as advance:
            dev = []
            for row in executor(self._row, jobs):
                dev.append(row)
                advance(1)
            going_on = survivors(dev)
            test = []
            finals = [Job(j.recipe, j.seed, "test") for j in jobs if j.recipe.label in going_on]
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

    def _row(self, job: Job) -> Row:
        """The row of a job: found, or measured and kept."""
        is_test = job.split == "test"
        tasks = self.domain.test if is_test else self.domain.dev
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
        key = recorded.key if recorded else self.workshop.key(methods, job.seed)
        begun = begun.model_copy(
            update={"key": key, "is_trained": any(m.changes_weights for m in methods)}
        )
        found = self.rows.find(begun)
        if found is not None and found.status == "done":
            return found
        row = self._measured(
            begun, lambda: recorded or self.workshop.node(methods, job.seed), tasks
        )
        self.rows.add(row)
        return row

    def _measured(self, begun: Row, made: Callable[[], Node], tasks: tuple[Task, ...]) -> Row:
        try:
            node = made()
            seed_everything(begun.seed)
            # Answers made elsewhere may have been made to the test alone.
            asked = answerable(node.model, tasks) if begun.split == "dev" else tasks
            result = measure(node.model, asked, is_timed=begun.split == "test")
            control = self._control(node.model) if begun.split == "test" else None
        except (ConfigError, UnknownNameError):
            raise
        except AcclimateError as error:
            status = "failed" if isinstance(error, BackendError) else "skipped"
            return begun.model_copy(update={"status": status, "reason": str(error)})
        except Exception as error:  # noqa: BLE001  (one broken method must not cost the others)
            return begun.model_copy(update={"status": "failed", "reason": _where(error)})
        return begun.model_copy(
            update={
                "scores": result.scores,
                "answers": result.answers,
                "sources": result.sources,
                "prompts": as_read(node.model, tasks) if begun.split == "test" else {},
                "answer_cost": result.cost,
                "latency_seconds": result.latency_seconds,
                "fit_cost": node.cost,
                "control": control,
                "notes": {**node.notes, **result.notes},
            }
        )

    def _control(self, model: Model) -> ControlScore:
        """Weigh the control set once for each network: what rewrites prompts does not change it."""
        core = unwrap(model).core
        for known, score in self.controls:
            if known is core:
                return score
        self.controls.append((core, control_score(core, self.domain.control)))
        return self.controls[-1][1]


def _where(error: Exception) -> str:
    """The error and the line that raised it, for whoever wrote the method."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"


def run_study(
    spec: StudySpec, folder: Path, *, is_relocked: bool = False, store: Store | None = None
) -> Findings:
    """Run a study whose rows lie in `folder`; goes on where an earlier run was stopped.

    Raises:
        DataError: The data is malformed, or the test set is not the one that was locked.
        ConfigError: A setting is wrong, or the base is missing or does not fit.
    """
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
        require_same_test(Rows(database), domain, is_relocked=is_relocked)
    base = Node(source.load(), source.fingerprint())
    check_answers(base.model, [*domain.dev, *domain.test])
    check_lengths(domain, base.model)
    # Only now is anything written: a study that cannot be leaves no trace.
    rows = Rows(database)
    lock(rows, domain)
    workshop = Workshop(base, domain.train_data(), store or Store(home() / "artifacts"))
    study = Study(spec, domain, rows, workshop, recorded)
    return conclude(study.run(), spec, domain, workshop)


def recorded_of(spec: StudySpec, domain: Domain) -> dict[str, Node]:
    """The models that answer the test from tables, by label."""
    found = {}
    for label, source in spec.recorded_sources().items():
        found[label] = Node(source.load(), source.fingerprint())
        check_answers(found[label].model, domain.test)
    return found
