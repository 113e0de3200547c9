"""By which code and libraries a thing was made, and whether they still hold."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from acclimate.core.record import Record, digest
from acclimate.core.source_code import noted_modules
from acclimate.core.source_code.import_closure import import_closure
from acclimate.core.source_code.libraries import NOT_INSTALLED, version_of, versions_of
from acclimate.core.source_code.object_modules import modules_of
from acclimate.core.source_code.running_code import RUNNING

_MAX_NAMED = 3
"""Files in one reason; the rest is counted."""


class Provenance(Record):
    """By what something was made; it counts as long as each is today what it was."""

    files: dict[str, str] = {}
    """File → digest of its code: below this package, `plugin:` and below it, or a user's path."""
    libraries: dict[str, str] = {}
    """Distribution → version; `python` with its minor version."""
    artifacts: dict[str, str] = {}
    """Key of what it was made from in a store → digest of that content."""

    @property
    def digest(self) -> str:
        """Equal for what was made the same way."""
        return digest(self)

    def stale(self, artifacts: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Why it would be made otherwise today, in a few words each; empty: it would not.

        Args:
            artifacts: Key → digest of the content that there is now, for those that are known.
        """
        if not self.libraries:
            return ("it is not known how it was made",)
        files = [name for name, was in self.files.items() if not was or RUNNING.digest(name) != was]
        rest = f" and {len(files) - _MAX_NAMED} more" if len(files) > _MAX_NAMED else ""
        code = [f"code changed: {', '.join(files[:_MAX_NAMED])}{rest}"] if files else []
        versions = [
            f"{name} {was or NOT_INSTALLED} → {now or NOT_INSTALLED}"
            for name, was in self.libraries.items()
            if (now := version_of(name)) != was
        ]
        others = (artifacts or {}).items()
        anew = any(self.artifacts.get(key, content) != content for key, content in others)
        return (*code, *versions, *(["what it was made from was made anew"] if anew else []))

    def merged(self, *others: "Provenance") -> "Provenance":
        """Of what was made by all of these; of two versions that which is not today's."""
        files, libraries, artifacts = dict(self.files), dict(self.libraries), dict(self.artifacts)
        for other in others:
            for name, was in other.files.items():
                if files.setdefault(name, was) != was and files[name] == RUNNING.digest(name):
                    files[name] = was
            for name, was in other.libraries.items():
                if libraries.setdefault(name, was) != was and libraries[name] == version_of(name):
                    libraries[name] = was
            artifacts.update(other.artifacts)
        return Provenance(files=files, libraries=libraries, artifacts=artifacts)


def provenance_of(modules: Iterable[str], *others: Provenance) -> Provenance:
    """Of what the code of these modules makes, out of what was made by others.

    Raises:
        ConfigError: A file was changed before it was imported, so that no digest is that of the
            code that ran.
    """
    RUNNING.require_unchanged()
    reached = import_closure(modules)
    made = Provenance(files=reached.files, libraries=versions_of(reached.libraries))
    return made.merged(*others)


class Trace:
    """Collects by what something is being made, in every thread."""

    def __init__(self, *modules: str) -> None:
        """Begin with the modules that make it."""
        self._modules = set(modules)
        self._others: list[Provenance] = []

    def add(self, *values: object) -> None:
        """The classes of objects count, with all that they hold."""
        for value in values:
            self._modules |= modules_of(value)

    def add_made(self, provenance: Provenance) -> None:
        """So does all by which something was made that is part of it."""
        self._others.append(provenance)

    def provenance(self) -> Provenance:
        """Of all that was collected.

        Raises:
            ConfigError: A file was changed before it was imported.
        """
        return provenance_of(self._modules, *self._others)

    @contextmanager
    def listening(self) -> Iterator["Trace"]:
        """Collect also what catalogues load and stores hand out in the body."""
        # Begun before the body imports anything.
        RUNNING.begin()
        with _LOCK:
            _TRACES.append(self)
        try:
            with noted_modules.listening(self._modules.add):
                yield self
        finally:
            with _LOCK:
                _TRACES.remove(self)


_TRACES: list[Trace] = []
_LOCK = threading.Lock()


def note_made(provenance: Provenance) -> None:
    """Tell all that listen of something that was made before, or beside."""
    with _LOCK:
        for trace in _TRACES:
            trace.add_made(provenance)


_is_taken = [False]


def is_stale_taken() -> bool:
    """Whether what would be made otherwise today is taken as it is."""
    return _is_taken[-1]


@contextmanager
def taking_stale() -> Iterator[None]:
    """Take what is there as it is, in every thread, while open."""
    _is_taken.append(True)
    try:
        yield
    finally:
        _is_taken.pop()
