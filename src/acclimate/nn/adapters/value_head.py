"""A scalar from a network's hidden states, and an adapter that adds one.

Letters: N positions, D width.
"""

from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import load_file, save_file

from acclimate.nn.adapters.interface import Adapter
from acclimate.nn.adapters.low_rank import ALL_LINEAR, LowRank
from acclimate.nn.adapters.peft import PeftAdapter

VALUE_HEAD = "value_head"
"""The attribute of a network that holds its head."""
_FILE = "value_head.safetensors"


class ValueHead(torch.nn.Module):
    """w · h + b, in float32; zero before it has learned anything.

    Differs: Stiennon et al. (2020) draw w at random. From zero, no answer is better than another
    at the start, and the loss on pairs begins at log 2 exactly.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        width = network.get_output_embeddings().weight.shape[-1]
        self.weight = torch.nn.Parameter(torch.zeros(width, device=network.device))
        self.bias = torch.nn.Parameter(torch.zeros((), device=network.device))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Values (N,) of hidden states (N, D)."""
        return hidden.float() @ self.weight + self.bias


class ScalarAdapter(Adapter):
    """Low-rank updates of a network together with a value head: a reward model's own weights."""

    kind: ClassVar[str] = "value_head"

    def __init__(self, updates: PeftAdapter) -> None:
        """Put a new head beside low-rank updates."""
        self.updates = updates
        self.network = updates.network
        setattr(self.network, VALUE_HEAD, ValueHead(self.network))

    @classmethod
    def new(cls, network: Any, rank: int) -> Self:
        """Put both on a network, in place; alpha is twice the rank."""
        config = LowRank(rank, 2.0 * rank, 0.0, ALL_LINEAR).config(network)
        return cls(PeftAdapter.new(network, config))

    def write(self, folder: Path) -> None:
        """Save the updates in PEFT's format, and the head beside them."""
        self.updates.write(folder)
        head = {name: t.contiguous() for name, t in self.network.value_head.state_dict().items()}
        save_file(head, folder / _FILE)

    @classmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Put on a network what `write` wrote, frozen."""
        adapter = cls(PeftAdapter.read(network, folder))
        adapter.network.value_head.load_state_dict(load_file(folder / _FILE))
        adapter.network.requires_grad_(False)
        return adapter
