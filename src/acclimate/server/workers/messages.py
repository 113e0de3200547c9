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
    """A worker has loaded its systems."""

    names: tuple[str, ...]
    report: Path | None
    tasks: tuple[str, ...]
    num_side_by_side: int
    """Processes that may answer from them at once and not be in each other's way."""


@dataclass(frozen=True)
class NotLoaded:
    """A worker cannot load its systems."""

    said: str
    is_asked_wrong: bool
    """Whether who started the server can mend it in what they asked for."""


@dataclass(frozen=True)
class ProcessShare:
    """The limits and processor of one worker, which runs jobs from now on."""

    limits: Limits
    processor: int | None
    """The only one that it computes on; None: any."""


@dataclass(frozen=True)
class RunJob:
    """Run a job."""

    number: int
    job: ServerJob


@dataclass(frozen=True)
class CancelJob:
    """Cancel a job."""

    number: int


@dataclass(frozen=True)
class Shutdown:
    """End the process."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a job's result."""

    number: int
    piece: Any


@dataclass(frozen=True)
class Done:
    """A job is done, or failed."""

    number: int
    fault: Exception | None = None
