"""The controller's policy: its action space, and its network in plain arrays.

Letters: N prompts, C of a state, K members, A of an action.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from acclimate.core.errors import BackendError
from acclimate.core.types import Floats

SHARPNESS = 4.0
"""Logits of the weights are an action times this: of two members one has up to 0.9997, of thirty
0.99, so that it can outvote all others."""


@dataclass(frozen=True)
class ActionSpace:
    """Actions in [-1, 1]: a logit a member, and the temperature where there are several."""

    num_members: int
    temperatures: tuple[float, ...]
    """In rising order."""
    is_stepped: bool
    """Whether these alone can be, else all between the first and the last too."""

    @property
    def size(self) -> int:
        """A."""
        return self.num_members + (len(self.temperatures) > 1)

    def weights(self, actions: Floats) -> Floats:
        """Of the members, (N, K), each row with sum 1; of actions (N, A)."""
        powers = np.exp(SHARPNESS * actions[:, : self.num_members])
        shares: Floats = powers / powers.sum(1, keepdims=True)
        return shares

    def steps(self, actions: Floats) -> NDArray[np.intp]:
        """Which of the temperatures is nearest, (N,)."""
        gaps = self._heat(actions)[:, None] - np.array(self.temperatures)
        nearest: NDArray[np.intp] = np.abs(gaps).argmin(1)
        return nearest

    def heat(self, actions: Floats) -> Floats:
        """Temperatures (N,)."""
        if self.is_stepped:
            nearest: Floats = np.array(self.temperatures)[self.steps(actions)]
            return nearest
        return self._heat(actions)

    def stepped(self, actions: Floats) -> Floats:
        """The same actions, each with the nearest of the temperatures."""
        if len(self.temperatures) == 1:
            return actions
        first, last = self.temperatures[0], self.temperatures[-1]
        heat = np.array(self.temperatures)[self.steps(actions)]
        return np.column_stack([actions[:, :-1], 2 * (heat - first) / (last - first) - 1])

    def _heat(self, actions: Floats) -> Floats:
        first, last = self.temperatures[0], self.temperatures[-1]
        if first == last:
            return np.full(len(actions), first)
        heat: Floats = first + (actions[:, -1] + 1) / 2 * (last - first)
        return heat


@dataclass(frozen=True, eq=False)
class Actor:
    """Linear layers with ReLU between them and tanh at the end: the mean of a soft actor."""

    layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
    """Weights (out, in) and biases (out,)."""

    def __call__(self, states: NDArray[np.floating[Any]]) -> Floats:
        """Actions (N, A) at states (N, C)."""
        *inner, (weights, biases) = self.layers
        hidden = states.astype(np.float64)
        for matrix, bias in inner:
            hidden = np.maximum(hidden @ matrix.T + bias, 0.0)
        actions: Floats = np.tanh(hidden @ weights.T + biases)
        return actions

    def write(self, path: Path) -> None:
        """Save as safetensors."""
        save_file(
            {
                f"{index}.{name}": np.ascontiguousarray(array)
                for index, layer in enumerate(self.layers)
                for name, array in zip(("weight", "bias"), layer, strict=True)
            },
            path,
        )

    @classmethod
    def read(cls, path: Path) -> "Actor":
        """Load what `write` saved.

        Raises:
            BackendError: The file is not there, or is not one.
        """
        try:
            arrays = load_file(path)
            indices = range(len(arrays) // 2)
            return cls([(arrays[f"{i}.weight"], arrays[f"{i}.bias"]) for i in indices])
        except (OSError, KeyError, ValueError) as error:
            raise BackendError(f"{path}: not a saved actor ({error})") from error
