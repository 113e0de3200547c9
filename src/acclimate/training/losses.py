"""What training makes small."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

from acclimate.training.batches import IGNORED, Batch


def next_token_loss(network: Any, batch: Batch) -> torch.Tensor:
    """Summed negative log-likelihood of the batch's labels, nats.

    A sum, not a mean, so that batches of different size add up to the loss of their whole.
    """
    device = network.device
    inputs = {name: tensor.to(device) for name, tensor in batch.inputs.items()}
    labels = batch.labels.to(device)
    learned = labels != IGNORED
    if network.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = network.prepare_decoder_input_ids_from_labels(labels)
    with _head_only_at(network, learned):
        logits = network(**inputs, use_cache=False).logits  # (N, V) or, with no hook, (B, T, V)
    if logits.ndim == 3 and logits.shape[:2] == labels.shape:
        logits = logits[learned]
    return functional.cross_entropy(logits.float().flatten(0, -2), labels[learned], reduction="sum")


@contextmanager
def _head_only_at(network: Any, learned: torch.Tensor) -> Iterator[None]:
    """Let the output layer see the N learned positions alone.

    With masked prompts they are few, and the layer is as wide as the vocabulary: in small models
    it is a third of the work.
    """

    def select(_module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...] | None:
        (hidden,) = inputs  # (B, T, D)
        return (hidden[learned][None],) if hidden.shape[:2] == learned.shape else None

    hook = network.get_output_embeddings().register_forward_pre_hook(select)
    try:
        yield
    finally:
        hook.remove()
