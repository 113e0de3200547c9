"""What a base does well, as rows that keep it while other things are learned."""

from collections.abc import Iterator, Sequence

import numpy as np

from acclimate.core.domain import Item, Task
from acclimate.core.model import Model
from acclimate.core.runtime.seeding import derive
from acclimate.evaluation.answers import answers_to, metrics_of

_WELL = 0.5
"""A request counts as fulfilled from this score of its task's main metric."""


def fulfilled(base: Model, tasks: Sequence[Task], count: int, *, seed: int) -> tuple[Task, ...]:
    """Of so many items drawn from the tasks, those that the base answers well, as it does.

    Each item's target is what the base said.

    Args:
        base: Asked as it stands, with all that rewrites its prompts.
        tasks: With training items.
        count: How many are asked; all, where there are fewer.
        seed: Of the draw.
    """
    pool = [(place, item) for place, task in enumerate(tasks) for item in task.items]
    drawn = np.random.default_rng(derive(seed, "guard")).permutation(len(pool))[:count]
    chosen = [pool[i] for i in sorted(drawn.tolist())]
    kept = []
    for place, task in enumerate(tasks):
        own = tuple(_kept(base, task, [item for at, item in chosen if at == place]))
        kept += [task.model_copy(update={"items": own})] if own else []
    return tuple(kept)


def _kept(base: Model, task: Task, items: Sequence[Item]) -> Iterator[Item]:
    main = next(iter(metrics_of(task).values()))
    for answer in answers_to(base, task, items) if items else ():
        if answer.text and answer.score(main) >= _WELL:
            yield answer.item.model_copy(update={"target": answer.text})
