"""Whether a model that should answer like another does, on the same items.

Letters: N items, C clusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acclimate.core.domain import Task
from acclimate.core.model import Model, Sampling
from acclimate.evaluation.answers import metrics_of

SIGNIFICANCE = 0.05
NUM_FLIPS = 9999


@dataclass(frozen=True)
class Parity:
    """How two models' greedy answers compare."""

    num_items: int
    equal: float
    """Share of the answers that are the same, word for word."""
    difference: float
    """Of the second model's mean score to the first's; 0 where nothing could be scored."""
    p_value: float
    """Of a mean at least so much lower, were the two alike; 1 where nothing could be scored."""

    @property
    def is_worse(self) -> bool:
        """Whether the second model's answers score lower by more than chance."""
        return self.p_value < SIGNIFICANCE


def parity(first: Model, second: Model, tasks: Sequence[Task]) -> Parity:
    """Ask both every item of the tasks, greedily; items of choices count for equality alone."""
    same: list[bool] = []
    differences: dict[str, list[float]] = {}
    for task in tasks:
        sampling = Sampling(max_new_tokens=task.max_new_tokens, stop=task.stop)
        prompts = [task.prompt(item) for item in task.items]
        one, other = (model.generate(prompts, sampling) for model in (first, second))
        same += [a.text == b.text for a, b in zip(one, other, strict=True)]
        metric = next(iter(metrics_of(task).values()))
        if metric.reads != "completion":
            continue
        for item, a, b in zip(task.items, one, other, strict=True):
            lost = metric.of_completion(item, b) - metric.of_completion(item, a)
            differences.setdefault(item.cluster, []).append(lost)
    scored = [difference for together in differences.values() for difference in together]
    return Parity(
        num_items=len(same),
        equal=float(np.mean(same)) if same else 1.0,
        difference=float(np.mean(scored)) if scored else 0.0,
        p_value=lower_by_chance([sum(difference) for difference in differences.values()]),
    )


def lower_by_chance(sums: Sequence[float]) -> float:
    """P-value, one-sided, of the total of the C clusters' differences by flips of their signs.

    All 2^C flips where they are at most 9999, else so many at random.
    """
    from scipy.stats import permutation_test

    changed = [total for total in sums if total]
    if len(changed) < 2:  # flips of one sign reach 0.5 at best
        return 1.0
    result = permutation_test(
        (np.array(changed),),
        np.sum,
        permutation_type="samples",
        alternative="less",
        n_resamples=NUM_FLIPS,
        rng=0,
    )
    return float(result.pvalue)
