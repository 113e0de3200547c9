"""What the server and the processes that answer for it tell each other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from acclimate.core.model import Model
from acclimate.server.jobs import ServerJob
from acclimate.server.limits import Limits


class ServedSystems(Protocol):
    """What is served, loaded."""

    @property
    def systems(self) -> Mapping[str, Model]:
        """By the names that requests give."""

    @property
    def report(self) -> Path | None:
        """Of the study that they come from."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Of its domain."""


Load = Callable[[], ServedSystems]
"""How a process comes by its systems; it must be importable by name, with plain arguments."""


@dataclass(frozen=True)
class Loaded:
    """The systems are there."""

    names: tuple[str, ...]
    report: Path | None
    tasks: tuple[str, ...]
    num_side_by_side: int
    """Processes that may answer from them at once and not be in each other's way."""


@dataclass(frozen=True)
class NotLoaded:
    """The systems cannot be loaded."""

    said: str
    is_asked_wrong: bool
    """Whether who started the server can mend it in what they asked for."""


@dataclass(frozen=True)
class ProcessShare:
    """What one process of several has for itself; it does jobs from now on."""

    limits: Limits
    processor: int | None
    """The only one that it computes on; None: any."""


@dataclass(frozen=True)
class RunJob:
    """Do a job."""

    number: int
    job: ServerJob


@dataclass(frozen=True)
class CancelJob:
    """Want no more of a job."""

    number: int


@dataclass(frozen=True)
class Shutdown:
    """Do nothing more, and end."""


@dataclass(frozen=True)
class Chunk:
    """Something of what a job gives."""

    number: int
    piece: Any


@dataclass(frozen=True)
class Done:
    """Nothing more comes of a job."""

    number: int
    fault: Exception | None = None
