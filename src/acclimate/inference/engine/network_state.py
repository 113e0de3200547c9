"""What takes a walk through a network to know, kept while it is being asked."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from acclimate.nn.decoder.fast_decoder import FastDecoder
from acclimate.nn.weights_identity import num_steps_taken, weights_version


@dataclass(frozen=True)
class NetworkState:
    """A network that nobody changes before all who ask it have their answers."""

    network: Any
    num_steps: int = field(default_factory=num_steps_taken)
    """Of optimizers, when it was made."""

    @property
    def is_old(self) -> bool:
        """Whether some weights were trained on since."""
        return self.num_steps != num_steps_taken()

    @cached_property
    def weights_version(self) -> int:
        """Of its weights."""
        return weights_version(self.network)

    @cached_property
    def num_params(self) -> int:
        """Numbers in its weights."""
        return int(self.network.num_parameters())

    @cached_property
    def fast_decoder(self) -> FastDecoder | None:
        """Its shorter forward pass, where there is one."""
        return FastDecoder.of(self.network)
