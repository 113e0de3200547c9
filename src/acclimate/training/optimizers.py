"""Optimisers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from acclimate.training.plan import Plan

Share = Callable[[str], float]
"""From a parameter's name to its share of the learning rate."""


def same_rate(name: str) -> float:
    """All of the learning rate for every parameter."""
    return 1.0


def optimizers(network: Any, plan: Plan, share: Share = same_rate) -> list[torch.optim.Optimizer]:
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


def _muon(hidden: _Shares, plan: Plan) -> torch.optim.Optimizer:
    return torch.optim.Muon(
        _groups(hidden, plan.weight_decay),
        lr=plan.learning_rate,
        weight_decay=plan.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )


def _adamw(learned: _Shares, plan: Plan) -> torch.optim.Optimizer:
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
