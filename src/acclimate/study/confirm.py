"""Score the saved pick again: what is served must be what was measured."""

import tempfile
from pathlib import Path

from acclimate.core.data import Domain
from acclimate.core.errors import BackendError
from acclimate.core.records import Row
from acclimate.core.saved import load_model, save_model
from acclimate.core.seeding import seed_everything
from acclimate.study.findings import main_scores
from acclimate.study.measure import measure
from acclimate.study.spec import Recipe
from acclimate.study.verdict import Confirmation
from acclimate.study.workshop import Workshop

TOLERANCE = 1e-3
"""A log-probability may move by rounding where batches differ; a right answer may not."""


def confirm(recipe: Recipe, row: Row, domain: Domain, workshop: Workshop) -> Confirmation | None:
    """Save the whole model, load it from its folder, answer every test item again.

    Raises:
        BackendError: An item's score is not what was measured.
    """
    if not recipe.specs:
        return None
    node = workshop.node(recipe.chain().methods, row.seed)
    with tempfile.TemporaryDirectory() as folder:
        save_model(node.model, Path(folder))
        again = load_model(Path(folder))
        seed_everything(row.seed)
        scores = measure(again, domain.test).scores
    measured = main_scores(row)
    served = main_scores(row.model_copy(update={"scores": scores}))
    different = sum(abs(served[item] - measured[item]) > TOLERANCE for item in measured)
    if different:
        raise BackendError(
            f"{recipe.label}: the saved model answers {different} of {len(measured)} test items "
            "otherwise than it did when it was measured; do not serve it, and report this"
        )
    return Confirmation(recipe=recipe.label, num_items=len(measured), num_different=0)
