"""One task's metrics, recipe by recipe."""

from collections.abc import Sequence
from dataclasses import dataclass

from acclimate.statistics.comparison import Estimate
from acclimate.study.analysis.recommendation_rule import measured
from acclimate.study.findings import Findings, Standing

RETRIEVAL = {"recall_at_k", "reciprocal_rank"}
"""Metrics of the passages that were found, not of the answer."""


@dataclass(frozen=True, slots=True)
class TaskTable:
    """What a table of one task shows."""

    name: str
    about: str
    num_items: int
    metrics: tuple[str, ...]
    rows: Sequence[Standing]

    @property
    def main(self) -> str:
        """The metric that counts."""
        return self.metrics[0] if self.metrics else "no metric"

    @property
    def has_retrieval(self) -> bool:
        """Whether passages were judged."""
        return bool(RETRIEVAL & set(self.metrics))

    @property
    def prompts(self) -> dict[str, str]:
        """Recipe → what it read of the first item, where that is known."""
        return {s.recipe: s.prompts[self.name] for s in self.rows if self.name in s.prompts}

    def value(self, standing: Standing, metric: str) -> Estimate | None:
        """A recipe's estimate; None where it has none."""
        return standing.tasks.get(self.name, {}).get(metric)

    def shade(self, standing: Standing) -> int:
        """Where its main metric stands between the worst, 0, and the best, 100."""
        means = [e.mean for s in self.rows if (e := self.value(s, self.main))]
        estimate = self.value(standing, self.main)
        if estimate is None or max(means) == min(means):
            return 0
        return round(100 * (estimate.mean - min(means)) / (max(means) - min(means)))


def task_tables(findings: Findings) -> list[TaskTable]:
    """A table for each task; metrics in the order of the recipe that has most of them."""
    rows = measured(findings.standings)
    return [
        TaskTable(
            name=name,
            about=findings.task_about.get(name, ""),
            num_items=num_items,
            metrics=tuple(dict.fromkeys(m for s in rows for m in s.tasks.get(name, {}))),
            rows=rows,
        )
        for name, num_items in findings.num_items.items()
    ]
