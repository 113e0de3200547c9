"""Which recipes go on to the test, by what they did on dev."""

from collections.abc import Sequence

from acclimate.study.findings import main_scores
from acclimate.study.results_db import Row


def survivors(rows: Sequence[Row]) -> set[str]:
    """Labels of the recipes that meet the test: for now all that have a result on dev.

    This is where recipes that are worse than the leader beyond doubt will be dropped before they
    have met every dev item.
    """
    return {row.recipe for row in rows if row.status == "done"}


def dev_quality(rows: Sequence[Row], recipe: str) -> float | None:
    """Mean of a recipe's main scores on dev, over items and seeds."""
    scores = [s for r in rows if r.recipe == recipe for s in main_scores(r).values()]
    return sum(scores) / len(scores) if scores else None
