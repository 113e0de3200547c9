"""When to stop, and which weights to keep."""

from typing import Any

import torch


class EarlyStopping:
    """Keeps the learned weights of the lowest dev loss; says when to give up (Prechelt 1998)."""

    def __init__(self, network: Any, patience: int) -> None:
        """Watch a network; `patience` looks without a better loss are the end."""
        self._learned = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self._patience = patience
        self._best: dict[str, torch.Tensor] = {}
        self.losses: list[float] = []

    @property
    def is_over(self) -> bool:
        """Whether the last `patience` looks brought nothing better than those before."""
        if not self.losses:
            return False
        since = len(self.losses) - 1 - self.losses.index(min(self.losses))
        return since >= self._patience

    def look(self, loss: float) -> None:
        """Take note of a dev loss, and of the weights if it is the lowest."""
        self.losses.append(loss)
        if loss <= min(self.losses):
            self._best = {n: p.detach().clone() for n, p in self._learned.items()}

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights back."""
        for name, weight in self._best.items():
            self._learned[name].copy_(weight)
