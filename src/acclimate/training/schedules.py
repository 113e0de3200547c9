"""Learning rates over a run, as a factor of the peak."""

import math


def warmup_cosine(step: int, num_steps: int, warmup_share: float, floor: float = 0.1) -> float:
    """Rise linearly, then fall by half a cosine to `floor` (Loshchilov and Hutter 2017, eq. 5).

    Args:
        step: From 0.
        num_steps: Of the whole run.
        warmup_share: Share of the run that rises.
        floor: Last factor; a tenth of the peak is Hoffmann et al.'s (2022).

    Returns:
        Factor in (0, 1].
    """
    warmup_steps = max(1, round(warmup_share * num_steps))
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, num_steps - warmup_steps)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
