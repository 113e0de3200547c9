"""Versions and digests of weights: whether they changed, here or elsewhere."""

import hashlib
from itertools import chain
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook


class _Steps:
    """Counts the steps of every optimizer: the fused ones change weights behind torch's back."""

    num_taken = 0

    def __call__(self, *_: Any) -> None:
        self.num_taken += 1


_steps = _Steps()
register_optimizer_step_post_hook(_steps)


def num_steps_taken() -> int:
    """Steps of every optimizer so far, of whatever network."""
    return _steps.num_taken


def weights_version(network: Any) -> int:
    """A number that changes once parameters or buffers are replaced or changed in place.

    Any optimizer's step changes it, of whatever network. A change through `tensor.data` does not:
    torch does not count those.
    """
    tensors = chain(network.parameters(), network.buffers())
    versions = ((x.data_ptr(), -1 if x.is_inference() else x._version) for x in tensors)
    return hash((_steps.num_taken, *versions))


def weights_digest(network: Any) -> str:
    """SHA-256 of all its weights, bit by bit, with their names and shapes."""
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        flat = weight.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()


SAMPLED = 4096
"""Weights of each tensor that the fingerprint reads."""


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
