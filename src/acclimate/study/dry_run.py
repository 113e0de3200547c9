"""What of a study is there, and what is stale and why; nothing is made."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acclimate.core.domain import Domain
from acclimate.core.errors import AcclimateError, MissingExtraError
from acclimate.core.home import home
from acclimate.core.method import Method
from acclimate.core.runtime.progress import notify
from acclimate.core.source import ModelSource
from acclimate.core.storage.artifact_store import Store
from acclimate.study.artifact_key import ArtifactKeys, RecipeStep
from acclimate.study.results_db import ResultsDb, Row
from acclimate.study.spec import Recipe, StudySpec

ARTIFACTS = "artifacts"
"""Below the user's cache folder."""


@dataclass(frozen=True)
class WhatIsThere:
    """Artifacts and rows that a study would find."""

    spec: StudySpec
    source: ModelSource
    keys: ArtifactKeys
    store: Store
    rows: Sequence[Row]

    def of(self, recipe: Recipe) -> Iterator[str]:
        """A line a seed: what is fitted, which rows there are, and why what is stale is so."""
        try:
            methods = recipe.methods()
        except MissingExtraError as error:
            yield f"skipped: {error}"
            return
        is_random = any(m.depends_on_seed for m in methods)
        for seed in self.spec.seeds if is_random else self.spec.seeds[:1]:
            parts = [self._model(methods, seed), *self._rows(recipe, methods, seed)]
            yield f"seed {seed}: {'; '.join(parts)}"

    def _model(self, methods: Sequence[Method], seed: int) -> str:
        """Whether it is fitted, with all that it is made of."""
        missing = [] if self.source.is_made else ["base not trained yet"]
        stale = dict.fromkeys(self.source.stale())
        for step in self.keys.steps(methods, seed):
            if not self.store.has(step.key):
                missing.append(f"{_name(step)} not fitted yet")
            else:
                stale |= dict.fromkeys(self.store.stale(step.key, self._known(step)))
        if missing:
            return ", ".join(dict.fromkeys(missing))
        if stale:
            return f"stale ({'; '.join(stale)})"
        return "fitted" if methods else "the base is there"

    def _known(self, step: RecipeStep) -> Mapping[str, str]:
        """Content of what it was made from, as it lies in the store."""
        contents = {key: self.store.made_by(key).artifacts.get(key) for key in step.made_from}
        return {key: content for key, content in contents.items() if content}

    def _rows(self, recipe: Recipe, methods: Sequence[Method], seed: int) -> Iterator[str]:
        key = self.keys.after(self.keys.base, methods, seed)
        for split in ("dev", "test"):
            matching = [r for r in self.rows if _is_of(r, recipe.label, seed, split, key)]
            if not matching:
                yield f"no {split} row"
            elif stale := matching[-1].made_by.stale():
                yield f"{split} row stale ({'; '.join(stale)})"
            else:
                yield f"{split} row"


def what_is_there(spec: StudySpec, folder: Path) -> WhatIsThere | None:
    """Look for what a study whose rows lie in `folder` would find; None: its domain has a fault.

    The fault is said, no more: the study itself will stop at it.
    """
    try:
        source, domain = _source_and_domain(spec)
        keys = ArtifactKeys(source.fingerprint(), domain.train_data())
    except (AcclimateError, NotImplementedError, OSError) as error:
        notify(f"what is there is not known: {error}")
        return None
    return WhatIsThere(spec, source, keys, Store(home() / ARTIFACTS), _rows_in(folder))


def _source_and_domain(spec: StudySpec) -> tuple[ModelSource, Domain]:
    domain_source = spec.domain_source()
    return spec.base_source().disjoint_from(domain_source), domain_source.load()


def _rows_in(folder: Path) -> list[Row]:
    """Read from a copy: opening the database itself writes beside it."""
    files = sorted(folder.glob("rows.sqlite*"))
    if not files:
        return []
    with tempfile.TemporaryDirectory() as aside:
        for path in files:
            shutil.copy(path, aside)
        return ResultsDb(Path(aside) / "rows.sqlite").all()


def _is_of(row: Row, label: str, seed: int, split: str, key: str) -> bool:
    is_done = row.status == "done"
    return is_done and (row.recipe, row.seed, row.split, row.key) == (label, seed, split, key)


def _name(step: RecipeStep) -> str:
    return type(step.method).__module__.rpartition(".")[2]
