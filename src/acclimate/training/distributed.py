"""Distributed training over one or many processes: DDP, FSDP2 and collectives.

Started by torchrun, every process runs the same loop on its share of each step's rows. With DDP
each holds the whole network; with FSDP2 the weights, gradients and optimiser state are cut over
them (Zhao et al. 2023) and gathered layer by layer.
"""

import atexit
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from acclimate.training.losses import Loss
from acclimate.training.packing import Batch

PATIENCE = timedelta(hours=12)
"""Timeout of collectives: the main process may have a large text to prepare."""

LEAVE_SECONDS = 0.1


@dataclass(frozen=True)
class World:
    """The processes that train together."""

    rank: int = 0
    size: int = 1

    @classmethod
    def here(cls) -> "World":
        """This process's rank; joins the process group the first time, if torchrun started it."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not distributed.is_initialized():
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            backend = "nccl" if torch.cuda.is_available() else "gloo"
            distributed.init_process_group(backend, timeout=PATIENCE)
            if backend == "gloo":
                atexit.register(_leave)
        return cls(distributed.get_rank(), size)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def total(self, *numbers: float) -> list[float]:
        """Each number summed over all processes."""
        if self.size == 1:
            return list(numbers)
        summed = torch.tensor(numbers, dtype=torch.float64)
        if torch.cuda.is_available():
            summed = summed.cuda()
        distributed.all_reduce(summed)
        return [float(number) for number in summed]

    def as_main(self, number: float) -> float:
        """The main process's number, so that all processes agree on it."""
        return self.total(number if self.is_main else 0.0)[0]

    def wait(self) -> None:
        """Wait until all processes call it (a barrier)."""
        if self.size > 1:
            distributed.barrier()

    def in_step(self, passes: Iterable[Batch]) -> Iterator[Batch]:
        """As many batches in every process; one that has no more repeats its last as an idle one.

        With FSDP a pass gathers weights from all: none may leave earlier than the others.

        Args:
            passes: One at least.
        """
        if self.size == 1:
            yield from passes
            return
        rest = iter(passes)
        batch = next(rest)
        yield batch
        while True:
            following = next(rest, None)
            if not any(self.total(float(following is not None))):
                return
            batch = following or batch.idle()
            yield batch


def _leave() -> None:
    """Part from the others, and let Gloo's threads give back the last tensors they sent.

    One that still waits for the interpreter while it ends aborts the process (about one exit in
    ten with FSDP2 and PyTorch 2.13).
    """
    distributed.destroy_process_group()
    time.sleep(LEAVE_SECONDS)


class LossModule(torch.nn.Module):
    """A network with its loss as one module, whose output is the loss, as DDP needs it."""

    def __init__(self, network: Any, loss: Loss) -> None:
        super().__init__()
        self.network = network
        self.loss = loss

    def forward(self, batch: Batch) -> torch.Tensor:
        """The summed loss of a batch."""
        return self.loss(self.network, batch)


def distributed_loss(network: Any, loss: Loss, parallel: str, world: World) -> torch.nn.Module:
    """The network's loss as a module that shares gradients with the other processes.

    Args:
        network: To train.
        loss: Of a batch.
        parallel: `ddp` or `fsdp`.
        world: The processes; with one there is nothing to share.
    """
    module = LossModule(network, loss)
    if world.size == 1:
        return module
    if parallel == "ddp":
        return torch.nn.parallel.DistributedDataParallel(module)
    from torch.distributed.fsdp import fully_shard  # slow to import, and seldom needed

    for layer in _layers(network):
        fully_shard(layer)
    fully_shard(network)
    return module


@contextmanager
def keeping_gradients(module: Any, is_last: bool) -> Iterator[None]:
    """Accumulate gradients here; share them with the others in the step's last pass alone."""
    network: Any = getattr(module, "network", None)
    if hasattr(network, "set_requires_gradient_sync"):  # cut by FSDP2
        network.set_requires_gradient_sync(is_last)
    is_ddp = isinstance(module, torch.nn.parallel.DistributedDataParallel)
    with nullcontext() if is_last or not is_ddp else module.no_sync():
        yield


def reshard(network: Any) -> None:
    """Cut the weights that FSDP2 leaves gathered after a forward pass without a backward one."""
    if hasattr(network, "reshard"):
        network.reshard()


def unshard(tensor: Any) -> torch.Tensor:
    """A tensor in one piece, on the CPU, where FSDP2 had cut it; all processes must call it."""
    gathered = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    piece: torch.Tensor = gathered.detach().cpu()
    return piece


def shard_like(tensor: torch.Tensor, parameter: Any) -> torch.Tensor:
    """A whole tensor on a parameter's device, and cut as the parameter is."""
    tensor = tensor.to(parameter.device)
    if not hasattr(parameter, "full_tensor") or tensor.ndim == 0:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    cut: torch.Tensor = distribute_tensor(tensor, parameter.device_mesh, parameter.placements)
    return cut


def _layers(network: Any) -> Iterator[torch.nn.Module]:
    """The blocks of a network: the members of its lists of modules of one class."""
    for module in network.modules():
        if isinstance(module, torch.nn.ModuleList) and len({type(m) for m in module}) == 1:
            yield from module
