"""What fits told, laid out for the report: facts by name, curves by chart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from acclimate.core.runtime.fit_log import Curve, Notes
from acclimate.study.findings import Standing
from acclimate.study.wording import number_text

TOGETHER = ("train", "dev")
"""First words of curves that stand in one chart where the rest of their names is the same."""


@dataclass(frozen=True, slots=True)
class CurveChart:
    """The curves of one chart: of each seed, by what tells them apart."""

    title: str
    says: str
    lines: tuple[tuple[str, Curve], ...]


@dataclass(frozen=True, slots=True)
class FitNotes:
    """What the fit of one method in one recipe told, over all seeds."""

    recipe: str
    method: str
    num_seeds: int
    facts: tuple[tuple[str, str], ...] = ()
    charts: tuple[CurveChart, ...] = ()
    same_as: str = ""
    """The recipe above that shares this fit, where one does; nothing is told twice."""


def fit_notes(standings: Sequence[Standing]) -> list[FitNotes]:
    """Of every recipe that has notes, method by method."""
    all_notes: list[FitNotes] = []
    seen: list[tuple[str, str, tuple[Notes, ...]]] = []
    for standing in standings:
        for method, notes in standing.notes.items():
            before = [r for r, m, recipe_notes in seen if (m, recipe_notes) == (method, notes)]
            if before:
                recipe_notes = FitNotes(standing.recipe, method, len(notes), same_as=before[0])
            else:
                facts, charts = tuple(_facts(notes)), tuple(_charts(notes))
                recipe_notes = FitNotes(standing.recipe, method, len(notes), facts, charts)
                seen.append((standing.recipe, method, notes))
            all_notes.append(recipe_notes)
    return all_notes


def _facts(notes: Sequence[Notes]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys(name for fit in notes for name in fit.facts):
        values = list(dict.fromkeys(fit.facts[name] for fit in notes if name in fit.facts))
        numbers = [value for value in values if not isinstance(value, str)]
        if len(values) > 1 and len(numbers) == len(values):
            every = [float(fit.facts[name]) for fit in notes if name in fit.facts]
            ends = f"{number_text(min(every))} to {number_text(max(every))}"
            yield name, f"{number_text(mean(every))} (mean of {len(every)} seeds, {ends})"
        else:
            texts = [value if isinstance(value, str) else number_text(value) for value in values]
            yield name, "; ".join(texts)


def _charts(notes: Sequence[Notes]) -> Iterator[CurveChart]:
    titles: dict[str, list[tuple[str, str]]] = {}
    for name in dict.fromkeys(name for fit in notes for name in fit.curves):
        first, _, rest = name.partition(" ")
        title, label = (rest, first) if first in TOGETHER and rest else (name, "")
        titles.setdefault(title, []).append((label, name))
    for title, names in titles.items():
        lines = [(label, fit.curves[n]) for label, n in names for fit in notes if n in fit.curves]
        lines = [(label, curve) for label, curve in lines if curve]
        if lines:
            yield CurveChart(title, _said(lines), tuple(lines))


def _said(lines: Sequence[tuple[str, Curve]]) -> str:
    """Where each kind of curve begins and ends, and its least between, in the first seed."""
    sentences = []
    for label, curve in dict(reversed(lines)).items():
        (begin, first), (end, last) = curve[0], curve[-1]
        least_step, least = min(curve, key=lambda point: point[1])
        from_text = f"from {number_text(first)} at step {number_text(begin)}"
        text = f"{from_text} to {number_text(last)} at {number_text(end)}"
        if least < min(first, last):
            text += f", least {number_text(least)} at {number_text(least_step)}"
        sentences.append(f"{label} {text}".strip())
    return "; ".join(reversed(sentences)) + "."
