"""Learning rates over a run, as a factor of the peak."""

import math

from acclimate.training.plan import Plan

RAMP_DECADES = 5
"""A range test raises the rate from 1e-5 of the peak to the peak (Smith 2017 sweeps as far)."""


def factor(plan: Plan, step: int) -> float:
    """The share of the peak at a step, counted from 0; in (0, 1] before the last.

    Warm-up is linear. Then half a cosine (Loshchilov and Hutter 2017, equation 5), a line, nothing,
    or nothing and a line at the end (warm-up, stable, decay; Hu et al. 2024, equation 1, with a
    linear decay after Hägele et al. 2024), each to `final_share`.
    """
    if plan.schedule == "ramp":
        return float(10.0 ** (RAMP_DECADES * (step / max(1, plan.num_steps - 1) - 1)))
    warmup_steps = max(1, round(plan.warmup_share * plan.num_steps))
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = min(1.0, (step - warmup_steps) / max(1, plan.num_steps - warmup_steps))
    return plan.final_share + (1 - plan.final_share) * _left(plan, done)


def _left(plan: Plan, done: float) -> float:
    """How much of the way down is left, 1 to 0, when a share `done` after warm-up has gone."""
    if plan.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    if plan.schedule == "linear":
        return 1 - done
    if plan.schedule == "wsd":
        return min(1.0, (1 - done) / plan.decay_share)
    return 1.0
