"""From a study's rows to its findings: compare, recommend, show, confirm."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from acclimate.core.domain import Domain, Task
from acclimate.core.errors import BackendError, BudgetError
from acclimate.core.record import digest
from acclimate.statistics.comparison import Comparison
from acclimate.study.analysis.confirm import confirm
from acclimate.study.analysis.ensemble_vs_members import beside_members
from acclimate.study.analysis.recommend import recommend
from acclimate.study.analysis.standings import comparison_of, standing_of, with_quality
from acclimate.study.environment import hardware, versions
from acclimate.study.findings import Disagreement, Findings, Recommendation, Standing, main_scores
from acclimate.study.fit_cache import FitCache
from acclimate.study.results_db import Row
from acclimate.study.spec import BASE, EntrySpec, Recipe, StudySpec, recipes_of

NUM_DISAGREEMENTS = 20


def conclude(rows: Sequence[Row], spec: StudySpec, domain: Domain, workshop: FitCache) -> Findings:
    """Everything the report shows; the pick is saved, loaded and scored again.

    Where nothing keeps the limits there is no pick; what was measured is shown all the same.

    Raises:
        BackendError: The pick's saved artifact does not answer as the measured model did.
    """
    test = _tested(rows)
    recipes = [*recipes_of(spec), *(Recipe(label=name) for name in spec.recorded)]
    comparison = comparison_of(test, domain, spec)
    standings = _standings(rows, recipes, comparison, domain, spec)
    recommendation = _recommendation(standings, comparison, spec)
    picked = next((r for r in recipes if r.label == recommendation.pick), None)
    return Findings(
        title=spec.title or domain.name,
        base=BASE,
        base_model=_name(spec.base),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **_of_domain(domain),
        num_clusters=comparison.num_clusters,
        seeds=spec.seeds,
        months=spec.months,
        requests_per_month=spec.requests_per_month,
        prices=spec.prices.model_dump(),
        limits=spec.limits,
        standings=tuple(standings),
        comparison=comparison,
        recommendation=recommendation,
        ensembles=beside_members(recipes_of(spec), comparison, spec),
        disagreements=tuple(_disagreements(comparison, test, domain)),
        confirmation=confirm(picked, test[picked.label][0], domain, workshop) if picked else None,
        stale={r.recipe: r.stale for rows_of_one in test.values() for r in rows_of_one if r.stale},
        versions=versions(),
        hardware=hardware(),
        settings={r.label: _settings(r) for r in recipes if r.specs},
        hashes={"base": workshop.base.key, **_keys(test)},
    )


def _recommendation(
    standings: Sequence[Standing], comparison: Comparison, spec: StudySpec
) -> Recommendation:
    try:
        return recommend(standings, comparison, spec.limits, BASE)
    except BudgetError as error:
        return Recommendation(pick="", beats_base=False, reason=str(error))


def _of_domain(domain: Domain) -> dict[str, Any]:
    """What was asked."""
    return {
        "domain": domain.name,
        "test_hash": digest([task.items for task in domain.test]),
        "num_items": {task.name: len(task.items) for task in domain.test},
        "task_about": {task.name: _about(task) for task in domain.test if task.items},
        "tasks": tuple(task.model_copy(update={"items": ()}) for task in domain.test),
    }


def _about(task: Task) -> str:
    """One line on what a task asks."""
    return task.instruction or f"For example: {task.items[0].question}"


def _tested(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """By recipe, what was measured on test; the base must be there."""
    test = _by_recipe(r for r in rows if r.split == "test" and r.status == "done")
    if BASE not in test:
        reasons = (r.reason for r in rows if r.recipe == BASE and r.status != "done")
        reason = next(reasons, "it was not run")
        raise BackendError(f"the base itself has no result: {reason}")
    return test


def _keys(test: dict[str, list[Row]]) -> dict[str, str]:
    return {f"{r.recipe}, seed {r.seed}": r.key for rows in test.values() for r in rows}


def _standings(
    rows: Sequence[Row],
    recipes: Sequence[Recipe],
    comparison: Comparison,
    domain: Domain,
    spec: StudySpec,
) -> list[Standing]:
    """Every recipe's, best first; one without a result on test says why."""
    test = _by_recipe(r for r in rows if r.split == "test" and r.status == "done")
    dev = [row for row in rows if row.split == "dev"]
    standings = []
    for recipe in recipes:
        recipe_rows = test.get(recipe.label) or [r for r in rows if r.recipe == recipe.label]
        standing = standing_of(recipe, recipe_rows, dev, test[BASE][0], domain, spec)
        standings.append(with_quality(standing, comparison, spec))
    return sorted(standings, key=_order)


def _settings(recipe: Recipe) -> str:
    """What a recipe was told, method by method, as in a study file."""
    specs = [{"name": s} if isinstance(s, str) else s for s in recipe.specs]
    return " → ".join(
        f"{fields['name']} {json.dumps(rest, ensure_ascii=False)}"
        if (rest := {k: v for k, v in fields.items() if k != "name"})
        else str(fields["name"])
        for fields in specs
    )


def _name(base: EntrySpec) -> str:
    """A base as the user wrote it, in a few words."""
    if isinstance(base, str):
        return base
    return str(base.get("path", base.get("name")))


def _by_recipe(rows: Iterable[Row]) -> dict[str, list[Row]]:
    by_recipe: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_recipe[row.recipe].append(row)
    return dict(by_recipe)


def _order(standing: Standing) -> tuple[bool, float]:
    """Best first; what has no result last."""
    return standing.quality is None, -(standing.quality.mean if standing.quality else 0.0)


def _disagreements(
    comparison: Comparison, test: dict[str, list[Row]], domain: Domain
) -> list[Disagreement]:
    """Items where the best two differ most, taken in turn from the tasks."""
    best = list(comparison.estimates)[:2]
    if len(best) < 2:
        return []
    rows = {name: test[name][0] for name in best}
    scores = {name: main_scores(row) for name, row in rows.items()}
    by_task: list[list[Disagreement]] = []
    for task in domain.test:
        differing = [i for i in task.items if scores[best[0]][i.id] != scores[best[1]][i.id]]
        by_task.append(
            [
                Disagreement(
                    task=task.name,
                    question=item.question,
                    target=item.target,
                    answers={name: rows[name].answers[item.id] for name in best},
                    scores={name: scores[name][item.id] for name in best},
                    sources={
                        name: row.sources[item.id]
                        for name, row in rows.items()
                        if item.id in row.sources
                    },
                )
                for item in differing
            ]
        )
    in_turn = [
        disagreements[i]
        for i in range(max(map(len, by_task), default=0))
        for disagreements in by_task
        if i < len(disagreements)
    ]
    return in_turn[:NUM_DISAGREEMENTS]
