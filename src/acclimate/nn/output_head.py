"""Hidden states and logits of a network's output layer, at chosen positions alone.

It is as wide as the vocabulary, and training or scoring mostly needs it at a few positions.

Letters: B rows, T tokens of a row, N chosen positions, D width, V vocabulary.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


def hidden_and_logits(
    network: Any, inputs: dict[str, Any], chosen: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states (N, D) that enter the output layer, and logits (N, V), float32.

    Args:
        network: A causal or encoder-decoder transformers network.
        inputs: Its keyword arguments.
        chosen: Which positions (B, T), row by row.
    """
    head = network.get_output_embeddings()
    read: list[torch.Tensor] = []

    def forward(hidden: torch.Tensor) -> Any:
        read.append(at(hidden, chosen))
        return type(head).forward(head, read[0])

    with doing(head, forward):
        logits = network(**inputs).logits
    return read[0].float(), logits.float()


def at(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Values (B, T, X) at the chosen positions (B, T), as (N, X); others are left as they are."""
    return values[chosen] if values.shape[:-1] == chosen.shape else values


@contextmanager
def doing(layer: Any, forward: Callable[[torch.Tensor], Any]) -> Iterator[None]:
    """Replace a layer's forward function while open."""
    layer.forward = forward
    try:
        yield
    finally:
        del layer.forward
