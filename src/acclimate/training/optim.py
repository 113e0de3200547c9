"""Optimizers (AdamW, Muon), their parameter groups, and learning rate schedules."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from acclimate.training.arguments import TrainingArguments

RAMP_DECADES = 5
"""A range test raises the rate from 1e-5 of the peak to the peak (Smith 2017 sweeps as far)."""

LrScale = Callable[[str], float]
"""From a parameter's name to the factor of its learning rate."""


def unscaled(name: str) -> float:
    """All of the learning rate for every parameter."""
    return 1.0


def make_optimizers(
    network: Any, arguments: TrainingArguments, lr_scale: LrScale = unscaled
) -> list[torch.optim.Optimizer]:
    """The optimisers of a run over the parameters that require a gradient.

    AdamW decays matrices only (Loshchilov and Hutter 2019); its betas are GPT-3's (0.9, 0.95): the
    second moment follows short runs sooner. Muon takes the hidden matrices (Jordan 2024), with
    updates scaled to the size of AdamW's (Liu et al. 2025), so that one rate serves both.
    """
    learned = {p: lr_scale(name) for name, p in network.named_parameters() if p.requires_grad}
    if arguments.optimizer == "adamw":
        return [_adamw(learned, arguments)]
    hidden = _hidden_matrices(network, learned)
    rest = {p: scale for p, scale in learned.items() if p not in hidden}
    makers = ((_muon, hidden), (_adamw, rest))
    return [make(parameters, arguments) for make, parameters in makers if parameters]


def set_learning_rates(optimizers: Iterable[torch.optim.Optimizer], learning_rate: float) -> None:
    """Set the rate of every parameter group: its factor times this rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * group["share"]


_LrScales = Mapping[torch.nn.Parameter, float]


def _muon(hidden: _LrScales, arguments: TrainingArguments) -> torch.optim.Optimizer:
    return torch.optim.Muon(
        _groups(hidden, arguments.weight_decay),
        lr=arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )


def _adamw(learned: _LrScales, arguments: TrainingArguments) -> torch.optim.Optimizer:
    matrices = {p: scale for p, scale in learned.items() if p.ndim >= 2}
    others = {p: scale for p, scale in learned.items() if p.ndim < 2}
    # On a CPU there is no fused step for tensors that FSDP2 has cut.
    is_cut = any(hasattr(p, "full_tensor") and p.device.type == "cpu" for p in learned)
    return torch.optim.AdamW(
        [*_groups(matrices, arguments.weight_decay), *_groups(others, 0.0)],
        lr=arguments.learning_rate,
        betas=(0.9, 0.95),
        fused=not is_cut,
    )


def _groups(learned: _LrScales, weight_decay: float) -> list[dict[str, Any]]:
    """A parameter group for each factor of the rate, in order of its first parameter."""
    return [
        {
            "params": [p for p, scale in learned.items() if scale == share],
            "weight_decay": weight_decay,
            "share": share,
        }
        for share in dict.fromkeys(learned.values())
    ]


def _hidden_matrices(network: Any, learned: _LrScales) -> _LrScales:
    """Weight matrices other than those of embeddings and output layer."""
    tables = [m for m in network.modules() if isinstance(m, torch.nn.Embedding)]
    head = network.get_output_embeddings()
    ends = {p for m in [*tables, head] for p in m.parameters()}
    return {p: scale for p, scale in learned.items() if p.ndim == 2 and p not in ends}


def schedule_factor(arguments: TrainingArguments, step: int) -> float:
    """The learning rate at a step from 0 on, as a share of the peak; in (0, 1] before the last.

    Warm-up is linear. Then half a cosine (Loshchilov and Hutter 2017, equation 5), a line, nothing,
    or nothing and a line at the end (warm-up, stable, decay; Hu et al. 2024, equation 1, with a
    linear decay after Hägele et al. 2024), each to `final_share`.
    """
    if arguments.schedule == "ramp":
        return float(10.0 ** (RAMP_DECADES * (step / max(1, arguments.num_steps - 1) - 1)))
    warmup_steps = max(1, round(arguments.warmup_share * arguments.num_steps))
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = min(1.0, (step - warmup_steps) / max(1, arguments.num_steps - warmup_steps))
    return arguments.final_share + (1 - arguments.final_share) * _left(arguments, done)


def _left(arguments: TrainingArguments, done: float) -> float:
    """What is left of the decay, from 1 to 0, after a share `done` of the steps after warm-up."""
    if arguments.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    if arguments.schedule == "linear":
        return 1 - done
    if arguments.schedule == "wsd":
        return min(1.0, (1 - done) / arguments.decay_share)
    return 1.0
