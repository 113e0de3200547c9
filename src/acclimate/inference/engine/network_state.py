"""Facts of a network that its requests share: version, size, fast decoder."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from acclimate.nn.decoder.fast_decoder import FastDecoder
from acclimate.nn.weights_identity import num_steps_taken, weights_version


@dataclass(frozen=True)
class NetworkState:
    """A network whose weights nobody changes while requests run; each fact is worked out once."""

    network: Any
    num_steps: int = field(default_factory=num_steps_taken)
    """Optimizer steps taken in this process when it was made."""

    @property
    def is_old(self) -> bool:
        """Whether any weights were trained since."""
        return self.num_steps != num_steps_taken()

    @cached_property
    def weights_version(self) -> int:
        """A number that changes with its weights."""
        return weights_version(self.network)

    @cached_property
    def num_params(self) -> int:
        """Numbers in its weights."""
        return int(self.network.num_parameters())

    @cached_property
    def fast_decoder(self) -> FastDecoder | None:
        """Its shorter forward pass, where there is one."""
        return FastDecoder.of(self.network)
