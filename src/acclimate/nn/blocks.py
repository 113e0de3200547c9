"""The blocks of a transformer, whatever family it is of."""

from collections.abc import Iterator
from typing import Any

import torch

from acclimate.core.errors import NotApplicableError


def stacks(network: Any) -> list[torch.nn.ModuleList]:
    """The lists of equal blocks, outermost: one of a decoder; encoder's and decoder's of both.

    Raises:
        NotApplicableError: There are none.
    """
    found = list(_stacks(network))
    if not found:
        raise NotApplicableError(f"{type(network).__name__} has no blocks that repeat")
    return found


def blocks(network: Any) -> list[torch.nn.Module]:
    """All blocks in the order data meets them: an encoder's before its decoder's."""
    return [block for stack in stacks(network) for block in stack]


def _stacks(module: torch.nn.Module) -> Iterator[torch.nn.ModuleList]:
    for child in module.children():
        if isinstance(child, torch.nn.ModuleList) and len({type(block) for block in child}) == 1:
            yield child
        else:
            yield from _stacks(child)
