"""How much of what the base answered well a recipe still does."""

from collections.abc import Mapping, Sequence

import numpy as np

from acclimate.core.domain import Domain
from acclimate.statistics.compare import compare
from acclimate.study.analysis.gap import gap
from acclimate.study.findings import Capability, main_scores
from acclimate.study.results_db import Row

_WELL = 0.5
"""Scores from here on count as answered well."""

BeforeAfter = Mapping[tuple[str, str], float]
"""(split, item id) → main score."""


def capability_of(
    rows: Sequence[Row], base: Row, domain: Domain, confidence: float
) -> Capability | None:
    """Before and after, over every test and control item that the base answered well.

    Items that some row has no score of are left out: answers recorded elsewhere meet no control
    items. None: that leaves nothing of what could have been lost.
    """
    good = {item: score for item, score in _scores(base).items() if score >= _WELL}
    if not good:
        return Capability(num_items=0, before=0.0, after=0.0, low=0.0, high=0.0)
    each = [_scores(row) for row in rows]
    shared = [item for item in good if all(item in scores for scores in each)]
    if not shared:
        return None
    before = [good[item] for item in shared]
    after = [float(np.mean([scores[item] for scores in each])) for item in shared]
    clusters = _clusters(domain)
    item_clusters = [clusters.get(item, item[1]) for item in shared]
    comparison = compare({"before": before, "after": after}, item_clusters, confidence=confidence)
    change = gap(comparison, "after", "before")
    return Capability(
        num_items=len(shared),
        before=comparison.estimates["before"].mean,
        after=comparison.estimates["after"].mean,
        low=change.low if change else 0.0,
        high=change.high if change else 0.0,
    )


def _scores(row: Row) -> BeforeAfter:
    control = row.control.scores if row.control else {}
    return {
        **{("test", item): score for item, score in main_scores(row).items()},
        **{("control", item): score for item, score in control.items()},
    }


def _clusters(domain: Domain) -> dict[tuple[str, str], str]:
    """Every item's cluster; groups of test and control are apart."""
    control = [domain.control.task] if domain.control.task else []
    return {
        (split, item.id): f"{split} {item.cluster}"
        for split, tasks in (("test", domain.test), ("control", control))
        for task in tasks
        for item in task.items
    }
