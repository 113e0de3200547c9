"""What an adapter is: something put on a network, apart from its weights."""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import torch

SAMPLED = 4096
"""Weights of each tensor that the fingerprint looks at."""


class Adapter(ABC):
    """Something learned that works inside a network whose own weights it leaves alone."""

    network: Any
    """The network with the adapter in it."""

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Write `adapter_config.json` and `adapter_model.safetensors`."""

    @classmethod
    @abstractmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Put on a network, in place, what `write` wrote."""

    def merged(self) -> Any | None:
        """A network of its own with the same outputs and no adapter; None: there is none such."""
        return None


def fingerprint(network: Any) -> str:
    """Digest of a network's weights: name, shape and evenly drawn values of each.

    Values count as bfloat16, so that a network is the same one on a device of less precision.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        flat = weight.detach().flatten()
        drawn = flat[:: max(1, flat.numel() // SAMPLED)].to(torch.bfloat16).cpu().contiguous()
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(drawn.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
