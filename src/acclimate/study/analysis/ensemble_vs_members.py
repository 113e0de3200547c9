"""How each ensemble stands to the best of its members that the study measured."""

from collections.abc import Sequence

from acclimate.core.errors import MissingExtraError
from acclimate.core.method import MemberSpec, Method, member_specs_of
from acclimate.statistics.comparison import Comparison
from acclimate.study.analysis.gap import gap
from acclimate.study.spec import BASE, Recipe, StudySpec
from acclimate.study.wording import signed

KnownSystems = Sequence[tuple[str, MemberSpec]]
"""Label of what was measured, and how it was made."""


def beside_members(
    recipes: Sequence[Recipe], comparison: Comparison, spec: StudySpec
) -> tuple[str, ...]:
    """A sentence on all ensembles, and one on each; none where no member was measured by itself.

    Args:
        recipes: Of the study.
        comparison: Of everything with a result.
        spec: Of the study, which names the tables of recorded answers.
    """
    sources = {BASE: spec.base_source(), **spec.recorded_sources()}
    tables = [(name, MemberSpec((), source)) for name, source in sources.items()]
    built = [(recipe.label, _methods(recipe)) for recipe in recipes]
    known = [*((label, MemberSpec(methods)) for label, methods in built), *tables]
    known = [(label, spec) for label, spec in known if label in comparison.estimates]
    sentences, above = [], []
    for label, methods in built:
        members = _measured(methods, known) if label in comparison.estimates else []
        if not members:
            continue
        best = max(members, key=lambda name: comparison.estimates[name].mean)
        difference = gap(comparison, label, best)
        if difference is None:
            continue
        above += [label] if difference.verdict == "better" else []
        sentences.append(
            f"{label}: {difference.verdict}, {signed(difference.delta)} ({difference.evidence}) "
            f"against {best}, the best of its members here"
        )
    return (_summary(above), *sentences) if sentences else ()


def _summary(above: Sequence[str]) -> str:
    if not above:
        return "No ensemble is significantly above its best member."
    return f"Significantly above the best of its members: {', '.join(above)}."


def _methods(recipe: Recipe) -> tuple[Method, ...]:
    try:
        return recipe.methods()
    except MissingExtraError:
        return ()


def _measured(methods: Sequence[Method], known: KnownSystems) -> list[str]:
    """Which of the last method's members the study measured by themselves."""
    if not methods:
        return []
    *before, last = methods
    specs = [
        spec if spec.source else MemberSpec((*before, *spec.methods))
        for spec in member_specs_of(last)
    ]
    return [label for label, spec in known if spec in specs]
