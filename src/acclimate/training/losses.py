"""Next-token cross-entropy over the labelled positions of a batch."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn import functional

from acclimate.nn.chunked_cross_entropy import vocabulary_loss
from acclimate.nn.decoder import hidden_states
from acclimate.nn.output_head import at, doing
from acclimate.training.packing import IGNORED, Batch

Loss = Callable[[Any, Any], torch.Tensor]
"""From a network and a batch, of the source's kind, to a sum over the batch's targets."""

_is_last: "WeakKeyDictionary[Any, bool]" = WeakKeyDictionary()
"""Output layer → whether nothing comes after it, as compared on its first batch."""


def next_token_loss(network: Any, batch: Batch, *, label_smoothing: float = 0.0) -> torch.Tensor:
    """Summed negative log-likelihood of the batch's labels, nats.

    A sum, not a mean, so that batches of different size add up to the loss of their whole. The
    output layer sees the labelled positions alone: with masked prompts they are few, and it is as
    wide as the vocabulary.
    """
    inputs, labels = on_device(network, batch)
    learned = labels != IGNORED
    head = network.get_output_embeddings()
    if _may_slice(network, head, inputs, learned):
        hidden = _seen_by_head(network, head, inputs, learned)  # (N, D)
        smoothing = {"bias": head.bias, "label_smoothing": label_smoothing}
        return vocabulary_loss(hidden, head.weight, labels[learned], **smoothing)
    logits = _logits(network, head, inputs, learned).float()  # (N, V)
    return functional.cross_entropy(
        logits, labels[learned], reduction="sum", label_smoothing=label_smoothing
    )


def on_device(network: Any, batch: Batch) -> tuple[dict[str, Any], torch.Tensor]:
    """All keyword arguments of a pass over the batch, and its labels, where the network is."""
    device = network.device
    inputs: dict[str, Any] = {name: t.to(device) for name, t in batch.inputs.items()}
    labels = batch.labels.to(device)
    if network.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = network.prepare_decoder_input_ids_from_labels(labels)
    if "use_cache" in _arguments(type(network).forward):
        inputs["use_cache"] = False
    return inputs, labels


def _may_slice(network: Any, head: Any, inputs: dict[str, Any], learned: torch.Tensor) -> bool:
    """Whether the loss may be computed in slices: the output layer is plain and comes last.

    Some networks cap or scale the logits after it; comparing both ways on the first batch tells.
    """
    is_plain = isinstance(head, torch.nn.Linear) and type(head.weight) is torch.nn.Parameter
    if not is_plain or head.weight.dtype != torch.float32:
        return False
    if torch.is_autocast_enabled(head.weight.device.type) or network._compiled_call_impl:
        return False
    if head not in _is_last:
        # Without dropout: it would make the two differ, and move the generator of a resumed run.
        with torch.no_grad(), _not_training(network):
            logits = _logits(network, head, inputs, learned)
            ours = head(_seen_by_head(network, head, inputs, learned))
        _is_last[head] = ours.shape == logits.shape and torch.allclose(ours, logits, atol=1e-3)
    return _is_last[head]


def _logits(network: Any, head: Any, inputs: dict[str, Any], learned: torch.Tensor) -> torch.Tensor:
    """Logits (N, V) of the N learned positions."""
    if network._compiled_call_impl:  # a layer that does something else each time is compiled anew
        return at(network(**inputs).logits, learned)
    with doing(head, lambda hidden: type(head).forward(head, at(hidden, learned))):
        logits = network(**inputs).logits
    return at(logits, learned)


def _seen_by_head(
    network: Any, head: Any, inputs: dict[str, Any], learned: torch.Tensor
) -> torch.Tensor:
    """What the output layer reads at the N learned positions, (N, D)."""
    if hidden_states.can_run_training(network, inputs):
        return hidden_states.hidden_states(network, inputs["input_ids"])[learned]
    with doing(head, lambda hidden: at(hidden, learned)):
        return at(network(**inputs).logits, learned)


@contextmanager
def _not_training(network: Any) -> Iterator[None]:
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@cache
def _arguments(kind: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(kind).parameters)
