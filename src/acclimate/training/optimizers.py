"""Optimisers."""

from typing import Any

import torch


def adamw(network: Any, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW over what requires a gradient; decay on matrices only (Loshchilov and Hutter 2019).

    Betas are GPT-3's (0.9, 0.95): the second moment follows short runs sooner.
    """
    learned = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), fused=True)
