"""Items that the base answers well, as examples that guard against forgetting."""

from collections.abc import Iterator, Sequence

import numpy as np

from acclimate.core.domain import Item, Task
from acclimate.core.model import Model
from acclimate.core.runtime.seeding import derive
from acclimate.evaluation.answers import answers_to, metrics_of

_WELL = 0.5
"""A request counts as fulfilled from this score of its task's main metric."""


def fulfilled(base: Model, tasks: Sequence[Task], count: int, *, seed: int) -> tuple[Task, ...]:
    """Draw items from the tasks and keep those that the base answers well.

    The target of each becomes the base's own answer.

    Args:
        base: With all that rewrites its prompts.
        tasks: With training items.
        count: Items drawn; all, where there are fewer.
        seed: Draws the items.
    """
    pool = [(task_index, item) for task_index, task in enumerate(tasks) for item in task.items]
    drawn = np.random.default_rng(derive(seed, "guard")).permutation(len(pool))[:count]
    chosen = [pool[i] for i in sorted(drawn.tolist())]
    guard = []
    for task_index, task in enumerate(tasks):
        answered = tuple(
            _well_answered(
                base, task, [item for drawn_index, item in chosen if drawn_index == task_index]
            )
        )
        guard += [task.model_copy(update={"items": answered})] if answered else []
    return tuple(guard)


def _well_answered(base: Model, task: Task, items: Sequence[Item]) -> Iterator[Item]:
    main = next(iter(metrics_of(task).values()))
    for answer in answers_to(base, task, items) if items else ():
        if answer.text and answer.score(main) >= _WELL:
            yield answer.item.model_copy(update={"target": answer.text})
