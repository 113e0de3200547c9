"""Optimisers."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from acclimate.training.arguments import TrainingArguments

LrScale = Callable[[str], float]
"""From a parameter's name to its share of the learning rate."""


def unscaled(name: str) -> float:
    """All of the learning rate for every parameter."""
    return 1.0


def optimizers(
    network: Any, plan: TrainingArguments, share: LrScale = unscaled
) -> list[torch.optim.Optimizer]:
    """The optimisers of a run over what requires a gradient.

    AdamW decays matrices only (Loshchilov and Hutter 2019); its betas are GPT-3's (0.9, 0.95): the
    second moment follows short runs sooner. Muon takes the hidden matrices (Jordan 2024), with
    updates scaled to the size of AdamW's (Liu et al. 2025), so that one rate serves both.
    """
    learned = {p: share(name) for name, p in network.named_parameters() if p.requires_grad}
    if plan.optimizer == "adamw":
        return [_adamw(learned, plan)]
    hidden = _hidden(network, learned)
    rest = {p: own for p, own in learned.items() if p not in hidden}
    makers = ((_muon, hidden), (_adamw, rest))
    return [make(parameters, plan) for make, parameters in makers if parameters]


def set_rates(found: Iterable[torch.optim.Optimizer], learning_rate: float) -> None:
    """Give every group its share of this rate."""
    for optimizer in found:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * group["share"]


_Shares = Mapping[torch.nn.Parameter, float]


def _muon(hidden: _Shares, plan: TrainingArguments) -> torch.optim.Optimizer:
    return torch.optim.Muon(
        _groups(hidden, plan.weight_decay),
        lr=plan.learning_rate,
        weight_decay=plan.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )


def _adamw(learned: _Shares, plan: TrainingArguments) -> torch.optim.Optimizer:
    matrices = {p: own for p, own in learned.items() if p.ndim >= 2}
    others = {p: own for p, own in learned.items() if p.ndim < 2}
    # On a CPU there is no fused step for tensors that FSDP2 has cut.
    is_cut = any(hasattr(p, "full_tensor") and p.device.type == "cpu" for p in learned)
    return torch.optim.AdamW(
        [*_groups(matrices, plan.weight_decay), *_groups(others, 0.0)], lr=plan.learning_rate,
        betas=(0.9, 0.95), fused=not is_cut,
    )  # fmt: skip


def _groups(learned: _Shares, weight_decay: float) -> list[dict[str, Any]]:
    """A group for each share of the rate, in order of its first parameter."""
    return [
        {
            "params": [p for p, own in learned.items() if own == share],
            "weight_decay": weight_decay,
            "share": share,
        }
        for share in dict.fromkeys(learned.values())
    ]


def _hidden(network: Any, learned: _Shares) -> _Shares:
    """Matrices between the embeddings and the output layer."""
    tables = [m for m in network.modules() if isinstance(m, torch.nn.Embedding)]
    head = network.get_output_embeddings()
    ends = {p for m in [*tables, head] for p in m.parameters()}
    return {p: own for p, own in learned.items() if p.ndim == 2 and p not in ends}


# MERGED training/schedules.py: Learning rates over a run, as a factor of the peak.


RAMP_DECADES = 5
"""A range test raises the rate from 1e-5 of the peak to the peak (Smith 2017 sweeps as far)."""


def schedule_factor(plan: TrainingArguments, step: int) -> float:
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


def _left(plan: TrainingArguments, done: float) -> float:
    """How much of the way down is left, 1 to 0, when a share `done` after warm-up has gone."""
    if plan.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    if plan.schedule == "linear":
        return 1 - done
    if plan.schedule == "wsd":
        return min(1.0, (1 - done) / plan.decay_share)
    return 1.0
