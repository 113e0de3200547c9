"""When to stop, and which weights to keep."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from acclimate.training.parallel import cut_like, whole


class EarlyStopping:
    """Keeps the learned weights of the lowest dev loss; says when to give up (Prechelt 1998)."""

    def __init__(self, network: Any, patience: int) -> None:
        """Watch a network; `patience` looks without a better loss are the end, 0 never is."""
        self._learned = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self._patience = patience
        self._best: dict[str, torch.Tensor] = {}
        self.losses: list[float] = []

    @property
    def is_over(self) -> bool:
        """Whether the last `patience` looks brought nothing better than those before."""
        return bool(self._patience and self.losses) and self._since_best >= self._patience

    @property
    def is_best_now(self) -> bool:
        """Whether the last look was the best."""
        return bool(self.losses) and self._since_best == 0

    @property
    def _since_best(self) -> int:
        return len(self.losses) - 1 - self.losses.index(min(self.losses))

    def look(self, loss: float) -> None:
        """Take note of a dev loss, and of the weights if it is the lowest."""
        self.losses.append(loss)
        if self.is_best_now:
            self._best = {n: p.detach().clone() for n, p in self._learned.items()}

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights back."""
        for name, weight in self._best.items():
            self._learned[name].copy_(weight)

    def best(self) -> dict[str, torch.Tensor]:
        """The best weights by name, whole even where they are cut over processes."""
        return {name: whole(weight) for name, weight in self._best.items()}

    def resume(self, losses: Sequence[float], best: Mapping[str, torch.Tensor]) -> None:
        """Go on from noted losses and the weights of the lowest."""
        self.losses[:] = losses
        self._best = {name: cut_like(w, self._learned[name]) for name, w in best.items()}
