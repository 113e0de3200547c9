"""What an adapter is: something put on a network, apart from its weights."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self


class Adapter(ABC):
    """Something learned that works inside a network whose own weights it leaves alone."""

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
        """A network of its own with the same outputs and no adapter; None: there is none such."""
        return None
