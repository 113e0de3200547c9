"""Checks before a study runs, and the lock on its test set."""

from collections.abc import Sequence
from contextlib import suppress

from acclimate.core.domain import Domain, Task
from acclimate.core.errors import ConfigError, MissingExtraError
from acclimate.core.model import Model
from acclimate.core.record import digest
from acclimate.core.source import ModelSource
from acclimate.planning.memory import load_bytes, require_room_for
from acclimate.study.results_db import ResultsDb
from acclimate.study.spec import StudySpec, recipes_of


def check_base(source: ModelSource) -> None:
    """Refuse a base that will not fit, before it is loaded.

    Raises:
        ConfigError: The estimate is above what is free.
    """
    num_params = source.num_params()
    if num_params is not None:
        what = (
            f"base '{getattr(source, 'path', type(source).__name__)}' ({num_params:,} parameters)"
        )
        require_room_for(load_bytes(num_params), what)


def check_names(spec: StudySpec) -> None:
    """Build all that a study names, so that a mistake is met before anything is loaded.

    Raises:
        UnknownNameError, ConfigError: A name or a field is wrong, or a label stands there twice.
    """
    recipes = recipes_of(spec)
    for recipe in recipes:
        # Where a library is missing the recipe is skipped, and the report says so.
        with suppress(MissingExtraError):
            recipe.methods()
    for twice in {recipe.label for recipe in recipes} & set(spec.recorded):
        raise ConfigError(f"recorded: '{twice}' is the label of a recipe; call the table otherwise")
    spec.domain_source()
    spec.base_source()
    spec.recorded_sources()


def check_answers(model: Model, tasks: Sequence[Task]) -> None:
    """Refuse recorded answers that do not answer every item.

    Raises:
        DataError: Names the table and the first item without an answer.
    """
    model.recorded_seconds([task.prompt(item) for task in tasks for item in task.items])


def require_same_test(rows: ResultsDb, domain: Domain, *, is_relocked: bool) -> None:
    """Refuse a test set that is not the one that was locked, before anything is loaded.

    Raises:
        ConfigError: It is another, and `is_relocked` is not given.
    """
    was, now = rows.lock(domain.name), _hash(domain)
    if was is not None and was != now and not is_relocked:
        raise ConfigError(
            f"the test set of {domain.name} is not the one this study was locked to "
            f"({was[:12]}, now {now[:12]}); put it back, or give --relock: rows of the old "
            "test set then no longer count"
        )


def lock(rows: ResultsDb, domain: Domain) -> None:
    """Keep the hash of the test set; once all was checked, so that mending it breaks no lock."""
    rows.set_lock(domain.name, _hash(domain))


def _hash(domain: Domain) -> str:
    return digest([task.items for task in domain.test])
