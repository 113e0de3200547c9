"""The interface of adapters: trained parts in a network whose own weights stay."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self


class Adapter(ABC):
    """A trained part inside a network, whose own weights stay as they are."""

    kind: ClassVar[str] = ""
    """What a saved one is found by, as that of a model."""
    network: Any
    """The network with the adapter in it."""

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Write `adapter_config.json` and `adapter_model.safetensors`."""

    @classmethod
    @abstractmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Put on a network, in place, what `write` wrote."""

    def merged(self) -> Any | None:
        """A copy of the network with the adapter in its weights; None: it cannot be merged."""
        return None
