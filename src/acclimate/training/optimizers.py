"""Optimisers."""

from collections.abc import Iterable
from typing import Any

import torch

from acclimate.training.plan import Plan


def optimizers(network: Any, plan: Plan) -> list[torch.optim.Optimizer]:
    """The optimisers of a run over what requires a gradient.

    AdamW decays matrices only (Loshchilov and Hutter 2019); its betas are GPT-3's (0.9, 0.95): the
    second moment follows short runs sooner. Muon takes the hidden matrices (Jordan 2024), with
    updates scaled to the size of AdamW's (Liu et al. 2025), so that one rate serves both.
    """
    learned = [p for p in network.parameters() if p.requires_grad]
    if plan.optimizer == "adamw":
        return [_adamw(learned, plan)]
    hidden = _hidden(network, learned)
    rest = [p for p in learned if not any(p is h for h in hidden)]
    makers = ((_muon, hidden), (_adamw, rest))
    return [make(parameters, plan) for make, parameters in makers if parameters]


def set_rates(found: Iterable[torch.optim.Optimizer], learning_rate: float) -> None:
    """Give every group this rate."""
    for optimizer in found:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate


def _muon(hidden: list[torch.nn.Parameter], plan: Plan) -> torch.optim.Optimizer:
    return torch.optim.Muon(
        hidden,
        lr=plan.learning_rate,
        weight_decay=plan.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )


def _adamw(learned: list[torch.nn.Parameter], plan: Plan) -> torch.optim.Optimizer:
    groups = [
        {"params": [p for p in learned if p.ndim >= 2], "weight_decay": plan.weight_decay},
        {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
    ]
    # On a CPU there is no fused step for tensors that FSDP2 has cut.
    is_cut = any(hasattr(p, "full_tensor") and p.device.type == "cpu" for p in learned)
    return torch.optim.AdamW(
        [g for g in groups if g["params"]], lr=plan.learning_rate, betas=(0.9, 0.95),
        fused=not is_cut,
    )  # fmt: skip


def _hidden(network: Any, learned: list[torch.nn.Parameter]) -> list[torch.nn.Parameter]:
    """Matrices between the embeddings and the output layer."""
    tables = [m for m in network.modules() if isinstance(m, torch.nn.Embedding)]
    ends = {id(p) for m in [*tables, network.get_output_embeddings()] for p in m.parameters()}
    return [p for p in learned if p.ndim == 2 and id(p) not in ends]
