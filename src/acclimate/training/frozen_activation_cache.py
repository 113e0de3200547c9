"""Activations of frozen lower blocks, computed once an example and reused.

Letters: B rows, T tokens, D width, K frozen blocks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import torch

from acclimate.nn.adapters.prefix import num_virtual_tokens
from acclimate.nn.blocks import blocks
from acclimate.training.losses import Loss
from acclimate.training.packing import Batch, TokenizedExample

MEMORY_SHARE = 0.25
"""Share of the free memory that the activations may take; above it nothing is cached."""


def num_frozen_blocks(network: Any) -> int:
    """K, the lowest blocks without trainable weights; 0 where the embeddings have some.

    0 too for an encoder-decoder, and where a prefix stands before what the blocks read.
    """
    if network.config.is_encoder_decoder or num_virtual_tokens(network):
        return 0
    first = next(
        (k for k, block in enumerate(blocks(network)) if _learns(block)), len(blocks(network))
    )
    return 0 if _learns(network.get_input_embeddings()) else first


def _learns(module: torch.nn.Module) -> bool:
    return any(p.requires_grad for p in module.parameters())


def _drops(module: torch.nn.Module) -> bool:
    """Whether it has dropout while training: as a layer, or as a rate of its own above 0."""
    if isinstance(module, torch.nn.Dropout):
        return bool(module.p > 0)
    attributes = vars(module).items()
    return any("dropout" in name and isinstance(p, float) and p > 0 for name, p in attributes)


def with_frozen_activation_cache(network: Any, loss: Loss, num_tokens: int) -> Loss:
    """The same loss with its frozen part computed once an example.

    `loss` itself where no block is frozen, dropout makes activations differ, or memory is short.

    Args:
        network: With a gradient required of what is trained.
        loss: Of the whole network.
        num_tokens: Of all examples, train and dev.
    """
    num_frozen = num_frozen_blocks(network)
    layers = blocks(network)
    bytes_kept = num_tokens * network.config.get_text_config().hidden_size * network.dtype.itemsize
    fits = bytes_kept < MEMORY_SHARE * psutil.virtual_memory().available
    is_steady = not any(_drops(module) for module in network.modules())
    if not (0 < num_frozen < len(layers) and fits and is_steady):
        return loss
    return _FrozenActivationCache(layers[:num_frozen], layers[num_frozen], loss)


class _FrozenActivationCache:
    """A loss that caches the inputs of the lowest block that is trained."""

    def __init__(self, frozen: list[Any], learning: Any, loss: Loss) -> None:
        self._frozen, self._learning, self._loss = frozen, learning, loss
        self._activations: dict[int, tuple[TokenizedExample, torch.Tensor]] = {}

    def __call__(self, network: Any, batch: Batch) -> torch.Tensor:
        """The batch's loss; examples that are all cached skip the frozen blocks."""
        cached = [self._activations.get(id(example)) for row in batch.rows for example in row]
        if not batch.rows or None in cached:
            with self._recording(batch):
                return self._loss(network, batch)
        with self._skipping(self._hidden_states(batch)):
            return self._loss(network, batch)

    @contextmanager
    def _recording(self, batch: Batch) -> Iterator[None]:
        """Cache the inputs of the block for every example of the batch."""

        def record(_block: Any, inputs: tuple[Any, ...]) -> None:
            for example, b, positions in _positions(batch):
                # The example itself is held too, so that no other object gets its id.
                self._activations[id(example)] = (example, inputs[0][b, positions].detach().clone())

        handle = self._learning.register_forward_pre_hook(record)
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def _skipping(self, hidden: torch.Tensor) -> Iterator[None]:
        """Let frozen blocks do nothing, and the first trained one read `hidden` (B, T, D)."""
        for block in self._frozen:
            block.forward = _unchanged
        handle = self._learning.register_forward_pre_hook(lambda _, inputs: (hidden, *inputs[1:]))
        try:
            yield
        finally:
            handle.remove()
            for block in self._frozen:
                del block.forward

    def _hidden_states(self, batch: Batch) -> torch.Tensor:
        """The cached activations of the batch's examples at their positions, (B, T, D)."""
        first = self._activations[id(batch.rows[0][0])][1]
        hidden = first.new_zeros(*batch.labels.shape, first.shape[-1])
        for example, b, positions in _positions(batch):
            hidden[b, positions] = self._activations[id(example)][1]
        return hidden


def _unchanged(hidden: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return hidden


def _positions(batch: Batch) -> Iterator[tuple[TokenizedExample, int, slice]]:
    """Each example of a batch with its row and the positions of its tokens there."""
    for b, row in enumerate(batch.rows):
        start = 0
        for example in row:
            yield example, b, slice(start, start + len(example))
            start += len(example)
