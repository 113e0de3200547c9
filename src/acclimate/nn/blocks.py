"""The blocks of a transformer of any family, and the layers of a block."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from acclimate.core.errors import NotApplicableError


def stacks(network: Any) -> list[torch.nn.ModuleList]:
    """The lists of equal blocks, outermost: one of a decoder; encoder's and decoder's of both.

    Raises:
        NotApplicableError: There are none.
    """
    lists = list(_stacks(network))
    if not lists:
        raise NotApplicableError(f"{type(network).__name__} has no blocks that repeat")
    return lists


def blocks(network: Any) -> list[torch.nn.Module]:
    """All blocks in the order data meets them: an encoder's before its decoder's."""
    return [block for stack in stacks(network) for block in stack]


def depths(network: Any) -> dict[str, int]:
    """Depth of each parameter below the output, by name.

    0 is above all blocks (last norm, output layer), 1 the last block, and so on; embeddings, also
    those tied to the output layer, lie deepest.
    """
    in_order = blocks(network)
    tables = [m for m in network.modules() if isinstance(m, torch.nn.Embedding)]
    deep = {id(p): len(in_order) + 1 for table in tables for p in table.parameters()}
    for index, block in enumerate(in_order):
        deep |= {id(p): len(in_order) - index for p in block.parameters()}
    return {name: deep.get(id(p), 0) for name, p in network.named_parameters()}


class Sublayers(NamedTuple):
    """The layers of a block, without norms and residual sums."""

    attentions: list[torch.nn.Module]
    """An encoder-decoder's decoder has two: of itself and of the encoder."""
    feed_forward: torch.nn.Module


def sublayers(block: torch.nn.Module) -> Sublayers:
    """The attention and feed-forward layers of a block.

    Layers are the parts where several matrices meet; every attention of transformers has the word
    in its class's name, and a feed-forward layer is the one that has not.

    Raises:
        NotApplicableError: The block is not made of attention and one feed-forward layer.
    """
    layers = list(_layers(block))
    attentions = [layer for layer in layers if "attention" in type(layer).__name__.lower()]
    rest = [layer for layer in layers if layer not in attentions]
    if not attentions or len(rest) != 1:
        names = ", ".join(type(layer).__name__ for layer in layers) or "nothing that multiplies"
        raise NotApplicableError(
            f"{type(block).__name__} is not made of attention and one feed-forward layer; it has "
            f"{names}"
        )
    return Sublayers(attentions, rest[0])


def _layers(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """The innermost layers, below lists and wrappers of a single part (T5 has both)."""
    for child in module.children():
        inner = [part for part in child.children() if _has_matrix(part)]
        if isinstance(child, torch.nn.ModuleList) or len(inner) == 1:
            yield from _layers(child)
        elif _has_matrix(child):
            yield child


def _has_matrix(module: torch.nn.Module) -> bool:
    return any(weight.ndim > 1 for weight in module.parameters())


def _stacks(module: torch.nn.Module) -> Iterator[torch.nn.ModuleList]:
    for child in module.children():
        if isinstance(child, torch.nn.ModuleList) and len({type(block) for block in child}) == 1:
            yield child
        else:
            yield from _stacks(child)
