"""Measure a model on tasks: each item's score under each metric, cost and latency."""

import math
import time
from collections.abc import Callable, Iterator, Sequence

from acclimate.core.catalogue import METRICS
from acclimate.core.domain import Item, Task
from acclimate.core.errors import BackendError
from acclimate.core.metric import Metric
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.cache_bypass import bypass_caches
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.fit_log import collect_log
from acclimate.evaluation.answers import Answer, answers_to, metrics_of
from acclimate.evaluation.model_threads import use_threads_of
from acclimate.evaluation.scores import Measured

NUM_SINGLE = 8
"""Requests timed one at a time for the latency: a median of so many is steady enough to rank."""


def measure(model: Model, tasks: Sequence[Task], *, is_timed: bool = False) -> Measured:
    """Answer every item in batches; where `is_timed`, some again one at a time.

    No answer of before is given again, which would cost nothing and take no time: of a model that
    keeps its answers, the items of a task that share one within the call do.

    Of answers recorded elsewhere the time is what was recorded, or 0 where it was not, and the
    memory is not measured.

    Raises:
        BackendError: A prompt has no answer, or a score is not a number.
    """
    result = Measured()
    use_threads_of(model)
    with metered() as meter, collect_log() as notebook, bypass_caches():
        for task in tasks:
            if task.items:
                _measure_task(model, task, result)
    result.cost = meter.cost
    result.notes = {"while answering": notebook.notes()} if notebook.facts else {}
    recorded = model.recorded_seconds([task.prompt(i) for task in tasks for i in task.items])
    if recorded is not None:
        elsewhere = {"seconds": sum(recorded), "peak_bytes": None}
        result.cost = meter.cost.model_copy(update=elsewhere)
        result.latency_seconds = tuple(recorded)
    elif is_timed:
        with bypass_caches():
            result.latency_seconds = tuple(_latencies(model, tasks))
    return result


def answerable(model: Model, tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks with the items that the model has answers to: all, unless they were recorded."""
    known = model.answerable_items
    if known is None:
        return tuple(tasks)
    known_items = [tuple(item for item in task.items if item.id in known) for task in tasks]
    return tuple(
        task.model_copy(update={"items": items})
        for task, items in zip(tasks, known_items, strict=True)
    )


def _measure_task(model: Model, task: Task, result: Measured) -> None:
    metrics = metrics_of(task)
    scores = result.scores.setdefault(task.name, {name: {} for name in metrics})
    answers = list(answers_to(model, task, task.items))
    has_passages = any(answer.passages for answer in answers)
    for answer in answers:
        item = answer.item
        result.answers[item.id] = answer.text
        documents = tuple(dict.fromkeys(p.document for p in answer.passages))
        result.sources |= {item.id: documents} if documents else {}
        for name, metric in metrics.items():
            scores[name][item.id] = _number(answer.score(metric), name, task, item)
        for name, metric in _passage_metrics(item).items() if has_passages else ():
            scores.setdefault(name, {})[item.id] = metric.of_passages(item, documents)


def _number(score: float, metric: str, task: Task, item: Item) -> float:
    if not math.isfinite(score):
        raise BackendError(
            f"item '{item.id}' of task '{task.name}': {metric} is {score}; the weights are damaged "
            "or their training diverged: lower learning_rate, or copy the base again"
        )
    return score


def _passage_metrics(item: Item) -> dict[str, Metric]:
    """Retrieval is scored where the item says which documents answer it."""
    if not item.sources:
        return {}
    names = [e.name for e in METRICS.entries.values() if e.family == "retrieval"]
    return {name: METRICS.build(name) for name in names}


def as_read(model: Model, tasks: Sequence[Task]) -> dict[str, str]:
    """Task → its first item as the network reads it: laid out, with every method's part in it.

    Only of models that end in a network: of others it is not known.
    """
    taken = unwrap(model)
    core = taken.core
    if not isinstance(core, NeuralModel):
        return {}
    texts = {}
    for task in tasks:
        for item in task.items[:1]:
            (prompt,) = taken.render([task.prompt(item)])
            ids = core.encode(prompt)[0]
            texts[task.name] = core.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return texts


def _latencies(model: Model, tasks: Sequence[Task]) -> Iterator[float]:
    """Seconds of single requests, taken evenly from the tasks; the first is a warm-up."""
    timed_tasks = [task for task in tasks if task.items]
    if not timed_tasks:
        return
    ask = [
        _single(model, task, task.items[i * len(task.items) // NUM_SINGLE])
        for i in range(NUM_SINGLE)
        for task in [timed_tasks[i % len(timed_tasks)]]
    ]
    ask[0]()
    for one in ask:
        start = time.perf_counter()
        one()
        yield time.perf_counter() - start


def _single(model: Model, task: Task, item: Item) -> Callable[[], list[Answer]]:
    return lambda: list(answers_to(model, task, [item]))
