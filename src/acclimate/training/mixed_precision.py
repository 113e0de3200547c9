"""Mixed precision: autocast to bf16 or fp16, and loss scaling."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from acclimate.training.distributed import unshard

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class MixedPrecision:
    """Mixed precision (Micikevicius et al. 2018): passes in half, weights and updates in float32.

    fp16 has few exponents: its loss is scaled up so that small gradients do not vanish, and steps
    whose gradients overflow are left out while the scale is found.
    """

    def __init__(self, name: str, device: str) -> None:
        """Use a format (`fp32`, `bf16`, `fp16`) on a kind of device."""
        self._half = _HALF.get(name)
        self._device = device
        self._scaler = torch.amp.GradScaler(device, enabled=name == "fp16")

    def cast(self) -> AbstractContextManager[Any]:
        """Compute in the format while open."""
        if self._half is None:
            return nullcontext()
        cast: AbstractContextManager[Any] = torch.autocast(self._device, self._half)
        return cast

    def backward(self, loss: torch.Tensor) -> None:
        """Gradients of a loss, added to those there are."""
        self._scaler.scale(loss).backward()

    def step(self, network: Any, optimizers: Sequence[Any], max_grad_norm: float) -> float | None:
        """Clip, update the weights, forget the gradients; the gradients' length before clipping.

        None where it is no number: then nothing is updated.
        """
        for optimizer in optimizers:
            self._scaler.unscale_(optimizer)
        learned = [p for p in network.parameters() if p.requires_grad]
        norm = float(unshard(torch.nn.utils.clip_grad_norm_(learned, max_grad_norm)))
        for optimizer in optimizers:
            if math.isfinite(norm):
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._scaler.update()
        return norm if math.isfinite(norm) else None

    @property
    def may_overflow(self) -> bool:
        """Whether gradients that are no numbers belong to finding the scale."""
        return bool(self._scaler.is_enabled())

    def state(self) -> dict[str, Any]:
        """The state of the loss scaler, for a checkpoint."""
        return dict(self._scaler.state_dict())

    def load(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        if state:
            self._scaler.load_state_dict(state)
