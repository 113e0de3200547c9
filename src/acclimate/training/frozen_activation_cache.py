"""What frozen lower blocks give, computed once an example and kept between epochs.

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
"""Of the free memory at most; what more would be kept is computed each time."""


def num_frozen_blocks(network: Any) -> int:
    """K: how many of the lowest blocks learn nothing, embeddings among them.

    0 of an encoder-decoder, and where a prefix stands before what the blocks read.
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
    """Whether it drops units while training: a layer that does, or one that calls the function."""
    if isinstance(module, torch.nn.Dropout):
        return bool(module.p > 0)
    own = vars(module).items()
    return any("dropout" in name and isinstance(p, float) and p > 0 for name, p in own)


def with_frozen_activation_cache(network: Any, loss: Loss, num_tokens: int) -> Loss:
    """The same loss, its frozen part computed once an example; `loss` itself where none pays.

    Args:
        network: Set to learn what it shall learn.
        loss: Of the whole network.
        num_tokens: Of all examples that will be met again.
    """
    num_frozen = num_frozen_blocks(network)
    own = blocks(network)
    bytes_kept = num_tokens * network.config.get_text_config().hidden_size * network.dtype.itemsize
    fits = bytes_kept < MEMORY_SHARE * psutil.virtual_memory().available
    is_steady = not any(_drops(module) for module in network.modules())
    if not (0 < num_frozen < len(own) and fits and is_steady):
        return loss
    return _Kept(own[:num_frozen], own[num_frozen], loss)


class _Kept:
    """A loss that knows what enters the lowest block that learns."""

    def __init__(self, frozen: list[Any], learning: Any, loss: Loss) -> None:
        self._frozen, self._learning, self._loss = frozen, learning, loss
        self._known: dict[int, tuple[TokenizedExample, torch.Tensor]] = {}

    def __call__(self, network: Any, batch: Batch) -> torch.Tensor:
        """The batch's loss; an example that was met before skips the frozen blocks."""
        met = [self._known.get(id(example)) for row in batch.rows for example in row]
        if not batch.rows or None in met:
            with self._listening(batch):
                return self._loss(network, batch)
        with self._skipping(self._laid_out(batch)):
            return self._loss(network, batch)

    @contextmanager
    def _listening(self, batch: Batch) -> Iterator[None]:
        """Keep what enters the block for every example of the batch."""

        def listen(_block: Any, given: tuple[Any, ...]) -> None:
            for example, b, places in _places(batch):
                # The example itself is held too: its id stays its own.
                self._known[id(example)] = (example, given[0][b, places].detach().clone())

        handle = self._learning.register_forward_pre_hook(listen)
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def _skipping(self, hidden: torch.Tensor) -> Iterator[None]:
        """Let frozen blocks do nothing, and the first that learns read `hidden` (B, T, D)."""
        for block in self._frozen:
            block.forward = _unchanged
        handle = self._learning.register_forward_pre_hook(lambda _, given: (hidden, *given[1:]))
        try:
            yield
        finally:
            handle.remove()
            for block in self._frozen:
                del block.forward

    def _laid_out(self, batch: Batch) -> torch.Tensor:
        """What is known of the batch's examples, each in its place, (B, T, D)."""
        some = self._known[id(batch.rows[0][0])][1]
        hidden = some.new_zeros(*batch.labels.shape, some.shape[-1])
        for example, b, places in _places(batch):
            hidden[b, places] = self._known[id(example)][1]
        return hidden


def _unchanged(hidden: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return hidden


def _places(batch: Batch) -> Iterator[tuple[TokenizedExample, int, slice]]:
    """Each example of a batch with its row and its tokens' places in it."""
    for b, row in enumerate(batch.rows):
        start = 0
        for example in row:
            yield example, b, slice(start, start + len(example))
            start += len(example)
