"""Attention masks of a pass over sequences of different lengths.

Letters: B rows, one a sequence; T new tokens, S KV slots.
"""

from collections.abc import Sequence
from typing import Any

import torch

Mask = Any
"""A tensor (B, 1, T, S) added to scores, 0 or the least number; several, by the kind of layer."""


def is_plain(window: int | None, starts: Sequence[int], num_new: int) -> bool:
    """Whether plain causal attention is right for every row, without a mask.

    Args:
        window: Tokens back that some layer sees; None: all layers see all.
        starts: Tokens that each row holds already.
        num_new: New ones, T.
    """
    is_short = window is None or max(starts) + num_new <= window
    return is_short and min(starts) == max(starts) and (num_new == 1 or starts[0] == 0)


def mask_of(network: Any, starts: Sequence[int], num_new: int) -> Mask:
    """The mask of new tokens behind what each row holds already.

    Args:
        network: Its configuration says whether it has sliding windows.
        starts: Tokens that each row holds already.
        num_new: New ones, T.
    """
    window, like = window_of(network), next(network.parameters())
    whole = _added(like, starts, num_new, None)
    if window is None or max(starts) + num_new <= window:
        return whole
    kinds = set(getattr(network.config.get_text_config(), "layer_types", None) or ())
    near = _added(like, starts, num_new, window)
    if len(kinds) > 1:
        return {"full_attention": whole, "sliding_attention": near}
    return near


def window_of(network: Any) -> int | None:
    """Tokens back that some layer sees; None: all layers see all."""
    config = network.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    return window if window and kinds != {"full_attention"} else None


def _added(
    like: torch.Tensor, starts: Sequence[int], num_new: int, window: int | None
) -> torch.Tensor:
    device, least = like.device, torch.finfo(like.dtype).min
    if window is None and min(starts) == max(starts):
        size = (1, 1, num_new, starts[0] + num_new)
        whole = torch.full(size, least, dtype=like.dtype, device=device)
        return whole.triu_(starts[0] + 1)
    slots = torch.arange(max(starts) + num_new, device=device)
    positions = torch.tensor(starts, device=device)[:, None] + slots[:num_new]  # (B, T)
    ahead = slots - positions[:, None, :, None]  # (B, 1, T, S)
    hidden = ahead > 0
    if window is not None:
        hidden |= ahead <= -window
    mask = torch.zeros(hidden.shape, dtype=like.dtype, device=device)
    mask.masked_fill_(hidden, least)
    return mask
