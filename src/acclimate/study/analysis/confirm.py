"""Score the saved pick again: what is served must be what was measured."""

from pathlib import Path

from acclimate.core.domain import Domain
from acclimate.core.errors import BackendError
from acclimate.core.model import Model
from acclimate.core.provenance import Trace
from acclimate.core.record import digest
from acclimate.core.runtime.seeding import seed_everything
from acclimate.core.storage.artifact_store import Store
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.evaluation.measure import measure
from acclimate.study.findings import Confirmation, main_scores
from acclimate.study.fit_cache import FitCache, FittedModel
from acclimate.study.results_db import Row
from acclimate.study.spec import Recipe

_TOLERANCE = 1e-3
"""A log-probability may move by rounding where batches differ; a right answer may not."""


def confirm(recipe: Recipe, row: Row, domain: Domain, workshop: FitCache) -> Confirmation | None:
    """Save the whole model, load it from its folder, answer every test item again.

    It is kept in the store, the base in it, so that the folder can be copied and served.

    Raises:
        ConfigError: There is no room for it.
        BackendError: An item's score is not what was measured.
    """
    if not recipe.specs:
        return None
    node = workshop.node(recipe.chain().methods, row.seed)
    again, folder = _saved_and_loaded(node, workshop.store)
    seed_everything(row.seed)
    scores = measure(again, domain.test).scores
    measured = main_scores(row)
    served = main_scores(row.model_copy(update={"scores": scores}))
    different = sum(abs(served[item] - measured[item]) > _TOLERANCE for item in measured)
    if different:
        raise BackendError(
            f"{recipe.label}: the saved model answers {different} of {len(measured)} test items "
            "otherwise than it did when it was measured; do not serve it, and report this"
        )
    return Confirmation(
        recipe=recipe.label, num_items=len(measured), num_different=0, folder=str(folder)
    )


def _saved_and_loaded(node: FittedModel, store: Store) -> tuple[Model, Path]:
    # Other code makes another whole: what a report serves from stays what was measured.
    key = digest({"whole": node.key, "made_by": node.made_by})
    folder = store.get(key)
    if folder is not None:
        try:
            return load_model(folder), folder
        except BackendError:
            # Written by a version that saved otherwise: as good as not there.
            store.remove(key)
    trace = Trace()
    trace.add(node.model)
    trace.add_made(node.made_by)
    with store.put(key, {"whole": node.key}, trace) as aside:
        save_model(node.model, aside)
    folder = store.get(key)
    if folder is None:
        raise BackendError(f"{store.root}: the model that was just saved cannot be read back")
    return load_model(folder), folder
