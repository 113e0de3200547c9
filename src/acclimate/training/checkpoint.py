"""Checkpoints, whole or absent, the same from one process or from many.

A checkpoint is a folder with the weights and the optimisers' state as safetensors and the rest as
JSON. It is written aside and renamed, so a kill at any moment leaves the one before.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from acclimate.core.errors import BackendError
from acclimate.core.storage.disk_space import disk_full_error, is_disk_full
from acclimate.training.distributed import World, shard_like, unshard

WEIGHTS, BEST = "model.safetensors", "best.safetensors"
STATE, REST = "optimizer.safetensors", "state.json"
NUM_KEPT = 2
"""Checkpoints kept: the last, and the one before it should the disk have damaged the last."""
_ASIDE = ".writing-"

Tensors = dict[str, torch.Tensor]


class LoadedCheckpoint(NamedTuple):
    """The contents of a checkpoint besides weights and optimisers."""

    rest: dict[str, Any]
    """Plain data, with `step`: how many steps had been made."""
    best: Tensors
    """The weights of the best evaluation, by name."""


class Checkpoints:
    """The checkpoints of one run, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Use (and make when first written) a folder."""
        self.folder = folder

    def save(
        self,
        step: int,
        network: Any,
        optimizers: Sequence[Any],
        rest: Mapping[str, Any],
        best: Mapping[str, torch.Tensor],
    ) -> None:
        """Write the state after `step` steps, and remove all checkpoints but the last few.

        Args:
            step: Steps made so far.
            network: Its parameters are saved.
            optimizers: Their state is saved.
            rest: Plain data to save beside them.
            best: The weights of the best evaluation so far, by name; may be empty.

        Raises:
            ConfigError: There is no room on the disk; the checkpoint before is intact.
        """
        world = World.here()
        weights, state = whole_weights(network), _state_of(network, optimizers)
        if world.is_main:
            files = {WEIGHTS: weights, STATE: state, BEST: dict(best)}
            self._write(step, files, {"step": step, **rest})
        world.wait()

    def load(self, network: Any, optimizers: Sequence[Any]) -> LoadedCheckpoint | None:
        """Load the last readable checkpoint into network and optimisers; None without one."""
        for folder in reversed(self._saved_steps()):
            try:
                rest: dict[str, Any] = json.loads((folder / REST).read_text())
                weights, state, best = (load_file(folder / f) for f in (WEIGHTS, STATE, BEST))
            except (OSError, ValueError, SafetensorError):
                continue
            with torch.no_grad():
                for name, parameter in network.named_parameters():
                    parameter.copy_(shard_like(weights[name], parameter))
            _put_state(network, optimizers, state)
            return LoadedCheckpoint(rest, best)
        return None

    def _folder(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}"

    def _saved_steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _write(self, step: int, files: Mapping[str, Tensors], rest: Mapping[str, Any]) -> None:
        staging = self.folder / f"{_ASIDE}{os.getpid()}"
        try:
            for leftover in self.folder.glob(f"{_ASIDE}*"):  # by one that was killed
                shutil.rmtree(leftover)
            staging.mkdir(parents=True)
            for name, tensors in files.items():
                save_file(tensors, staging / name, {"format": "pt"})
            (staging / REST).write_text(json.dumps(rest))
            shutil.rmtree(self._folder(step), ignore_errors=True)
            staging.rename(self._folder(step))
        except (OSError, SafetensorError) as error:
            shutil.rmtree(staging, ignore_errors=True)
            if is_disk_full(error, self.folder):
                raise disk_full_error(self.folder, "give another --out") from error
            raise BackendError(f"{self.folder}: cannot be written ({error})") from error
        for old in self._saved_steps()[:-NUM_KEPT]:
            shutil.rmtree(old)


def whole_weights(network: Any) -> Tensors:
    """The parameters by name, each in one piece on the CPU; all processes must call it."""
    return {name: _piece(parameter) for name, parameter in network.named_parameters()}


def _piece(tensor: Any) -> torch.Tensor:
    return unshard(tensor).clone(memory_format=torch.contiguous_format)


def _state_of(network: Any, optimizers: Sequence[Any]) -> Tensors:
    """The optimisers' state by name, as `exp_avg/layers.0.weight`."""
    return {
        f"{kind}/{name}": _piece(torch.as_tensor(value))
        for optimizer in optimizers
        for name, parameter in _named(network, optimizer)
        for kind, value in optimizer.state[parameter].items()
    }


def _put_state(network: Any, optimizers: Sequence[Any], state: Tensors) -> None:
    state_by_name: dict[str, Tensors] = {}
    for key, value in state.items():
        kind, _, name = key.partition("/")
        state_by_name.setdefault(name, {})[kind] = value
    for optimizer in optimizers:
        # Only its state: how it computes (fused or not) is this machine's own.
        state_dict = optimizer.state_dict()
        state_dict["state"] = {
            number: {
                kind: shard_like(value, parameter) for kind, value in state_by_name[name].items()
            }
            for number, (name, parameter) in enumerate(_named(network, optimizer))
            if name in state_by_name
        }
        optimizer.load_state_dict(state_dict)


def _named(network: Any, optimizer: Any) -> Iterator[tuple[str, Any]]:
    """An optimiser's parameters in its own order, with the network's names for them."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for group in optimizer.param_groups:
        yield from ((names[id(parameter)], parameter) for parameter in group["params"])
