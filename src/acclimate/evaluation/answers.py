"""A model's answers to a task's items, ready to be scored by its metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acclimate.core.catalogue import METRICS
from acclimate.core.domain import Item, Task
from acclimate.core.errors import BackendError
from acclimate.core.metric import Metric
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Passage


def metrics_of(task: Task) -> dict[str, Metric]:
    """The task's metrics by name, the main one first."""
    return {name: METRICS.build(name) for name in task.metrics}


@dataclass(frozen=True)
class Answer:
    """A model's answer to an item, free or chosen."""

    item: Item
    text: str
    passages: tuple[Passage, ...]
    completion: Completion | None = None
    weighed: tuple[LogLikelihood, ...] = ()

    def score(self, metric: Metric) -> float:
        """By a metric that reads what there is of it."""
        if self.completion is not None:
            return metric.of_completion(self.item, self.completion)
        return metric.of_choices(self.item, self.weighed)


def answers_to(model: Model, task: Task, items: Sequence[Item]) -> Iterator[Answer]:
    """Ask a model a task's items, in order: free answers, or choices where its metrics read those.

    Raises:
        BackendError: A prompt has no answer.
    """
    reads = {metric.reads for metric in metrics_of(task).values()}
    if "choices" in reads:
        return _chosen(model, task, items)
    sampling = Sampling(max_new_tokens=task.max_new_tokens, stop=task.stop)
    completions = model.generate([task.prompt(item) for item in items], sampling)
    _require_all(completions, items)
    return (
        Answer(item, c.text, c.passages, completion=c)
        for item, c in zip(items, completions, strict=True)
    )


def _chosen(model: Model, task: Task, items: Sequence[Item]) -> Iterator[Answer]:
    pairs = [(task.prompt(item), choice) for item in items for choice in item.choices]
    results = model.loglikelihood(pairs)
    _require_all(results, pairs)
    weighed = iter(results)
    for item in items:
        item_results = tuple(next(weighed) for _ in item.choices)
        best = max(range(len(item_results)), key=lambda i: item_results[i].per_byte)
        yield Answer(item, item.choices[best], item_results[0].passages, weighed=item_results)


def _require_all(given: Sequence[object], questions: Sequence[object]) -> None:
    if len(given) != len(questions):
        raise BackendError(
            f"the model gave {len(given)} answers where {len(questions)} were asked for; generate, "
            "loglikelihood and render must give one for each prompt, in order"
        )
