"""From rows to standings: estimates over items and seeds, and costs."""

from collections.abc import Mapping, Sequence
from statistics import median, stdev
from typing import Any

import numpy as np

from acclimate.core.domain import Domain
from acclimate.core.runtime.fit_log import Notes
from acclimate.evaluation.scores import ItemScores
from acclimate.planning.lifetime_cost import fit_usd, request_usd, total_usd
from acclimate.statistics.compare import compare
from acclimate.statistics.comparison import Comparison, Estimate
from acclimate.study.analysis.capability import capability_of
from acclimate.study.environment import num_cores, num_gpus
from acclimate.study.findings import Forgetting, Standing, main_scores
from acclimate.study.limits import broken_limits
from acclimate.study.racing.survivors import dev_quality
from acclimate.study.results_db import Row
from acclimate.study.spec import BASE, Recipe, StudySpec


def item_scores(rows: Sequence[Row]) -> dict[str, float]:
    """Item id → its main score, averaged over the seeds."""
    each = [main_scores(row) for row in rows]
    return {item: float(np.mean([scores[item] for scores in each])) for item in each[0]}


def comparison_of(rows: Mapping[str, Sequence[Row]], domain: Domain, spec: StudySpec) -> Comparison:
    """Compare all recipes that have rows, paired on the test items."""
    items = [item for task in domain.test for item in task.items]
    by_recipe = {recipe: item_scores(recipe_rows) for recipe, recipe_rows in rows.items()}
    scores = {r: [scores_of[i.id] for i in items] for r, scores_of in by_recipe.items()}
    return compare(scores, [i.cluster for i in items], confidence=spec.confidence)


def standing_of(
    recipe: Recipe,
    rows: Sequence[Row],
    dev: Sequence[Row],
    base: Row,
    domain: Domain,
    spec: StudySpec,
) -> Standing:
    """One recipe's standing; without the quality's interval, which comes from the comparison."""
    is_recorded = not recipe.specs and recipe.label != BASE
    names = tuple(str(s if isinstance(s, str) else s["name"]) for s in recipe.specs)
    first = rows[0]
    if first.status != "done":
        return Standing(
            recipe=recipe.label, methods=names, status=first.status, reason=first.reason
        )
    num_items = sum(len(task.items) for task in domain.test)
    qualities = [float(np.mean(list(main_scores(row).values()))) for row in rows]
    standing = Standing(
        recipe=recipe.label,
        methods=names,
        status="done",
        is_trained=first.is_trained,
        is_recorded=is_recorded,
        num_seeds=len(rows),
        dev_quality=dev_quality(dev, recipe.label),
        seed_spread=stdev(qualities) if len(rows) > 1 else None,
        tasks=_by_task([row.scores for row in rows], domain, spec.confidence),
        prompts=first.prompts,
        forgetting=_forgetting(rows, base),
        capability=capability_of(rows, base, domain, spec.confidence),
        notes=_told(rows),
        **_work(rows, num_items),
        **_money(rows, num_items, spec),
    )
    if is_recorded:
        standing = standing.model_copy(update=_not_told(standing, rows))
    return standing.model_copy(update={"breaks": broken_limits(standing, spec.limits)})


def with_quality(standing: Standing, comparison: Comparison, spec: StudySpec) -> Standing:
    """The standing with its quality's interval, and the limits that this lets one judge."""
    if standing.recipe not in comparison.estimates:
        return standing
    whole = standing.model_copy(update={"quality": comparison.estimates[standing.recipe]})
    return whole.model_copy(update={"breaks": broken_limits(whole, spec.limits)})


def _work(rows: Sequence[Row], num_items: int) -> dict[str, Any]:
    """Time, tokens, operations and memory; means over the seeds."""
    latencies = [s for row in rows for s in row.latency_seconds]
    peaks = [p for r in rows for p in (r.fit_cost.peak_bytes, r.answer_cost.peak_bytes) if p]
    tokens = [r.answer_cost.prompt_tokens + r.answer_cost.new_tokens for r in rows]
    return {
        "fit_seconds": _mean([r.fit_cost.seconds for r in rows]),
        "train_tokens": round(_mean([r.fit_cost.train_tokens for r in rows])),
        "fit_flops": _mean([r.fit_cost.flops for r in rows]),
        "seconds_per_item": _mean([r.answer_cost.seconds for r in rows]) / num_items,
        "latency_seconds": median(latencies) if latencies else None,
        "latency_p95_seconds": float(np.quantile(latencies, 0.95)) if latencies else None,
        "tokens_per_item": _mean(tokens) / num_items,
        "flops_per_item": _mean([r.answer_cost.flops for r in rows]) / num_items,
        "peak_bytes": max(peaks) if peaks else None,
    }


def _money(rows: Sequence[Row], num_items: int, spec: StudySpec) -> dict[str, Any]:
    """What making it, a request, and the horizon cost, US dollars; means over the seeds."""
    machine = (spec.prices, num_cores(), num_gpus())
    fit = _mean([fit_usd(r.fit_cost, *machine) for r in rows])
    request = _mean([request_usd(r.answer_cost, num_items, *machine) for r in rows])
    total = total_usd(fit, request, spec.months, spec.requests_per_month)
    return {"fit_usd": fit, "request_usd": request, "total_usd": total}


def _not_told(standing: Standing, rows: Sequence[Row]) -> dict[str, Any]:
    """What nobody counted of answers that were made elsewhere: a gap, not a zero."""
    gaps = ["fit_seconds", "fit_usd", "fit_flops", "flops_per_item"]
    costs = [row.answer_cost for row in rows]
    if not any(cost.seconds for cost in costs):
        gaps.append("seconds_per_item")
        # A price may still follow from tokens or from what was paid.
        gaps += [] if standing.request_usd else ["request_usd", "total_usd"]
    if not any(cost.prompt_tokens or cost.new_tokens for cost in costs):
        gaps.append("tokens_per_item")
    return dict.fromkeys(gaps)


def _told(rows: Sequence[Row]) -> dict[str, tuple[Notes, ...]]:
    """Method → each seed's notes, where any seed's fit told anything."""
    each = {
        method: tuple(row.notes.get(method, Notes()) for row in rows) for method in rows[0].notes
    }
    return {method: notes for method, notes in each.items() if any(n != Notes() for n in notes)}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _by_task(
    scores: Sequence[ItemScores], domain: Domain, confidence: float
) -> dict[str, dict[str, Estimate]]:
    """Every task's every metric, averaged over seeds, with its interval over items."""
    clusters = {i.id: i.cluster for task in domain.test for i in task.items}
    estimates: dict[str, dict[str, Estimate]] = {}
    for task, metrics in scores[0].items():
        estimates[task] = {}
        for metric, by_item in metrics.items():
            values = [
                float(np.mean([s[task][metric][item] for s in scores if item in s[task][metric]]))
                for item in by_item
            ]
            result = compare(
                {metric: values}, [clusters[i] for i in by_item], confidence=confidence
            )
            estimates[task][metric] = result.estimates[metric]
    return estimates


def _forgetting(rows: Sequence[Row], base: Row) -> Forgetting | None:
    """Mean change over seeds against the base; None where either was not measured."""
    before = base.control
    after = [row.control for row in rows if row.control is not None]
    if before is None or not after:
        return None
    changes: dict[str, float | None] = {}
    for name in ("bits_per_byte", "accuracy"):
        was = getattr(before, name)
        now = [value for c in after if (value := getattr(c, name)) is not None]
        changes[name] = _mean(now) - was if was is not None and now else None
    return None if all(c is None for c in changes.values()) else Forgetting(**changes)
