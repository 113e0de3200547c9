"""The code that this process runs: files as they were when it began."""

import hashlib
import sys
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata, util
from pathlib import Path

import acclimate
from acclimate.core.errors import ConfigError
from acclimate.core.source_code.source_file import ParsedFiles, SourceFile

PACKAGE = "acclimate"
PLUGIN_GROUPS = tuple(
    f"{PACKAGE}.{group}"
    for group in ("methods", "models", "tasks", "metrics", "inference.backends")
)
_MARGIN_SECONDS = 2.0
"""A process's begin is known to about a second."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module whose code counts."""

    name: str
    path: Path
    label: str
    """As it stands in records: below its package, or where it lies."""


class RunningCode:
    """Digests of the files of this package, of plugins and of users, taken once a process.

    A module that was imported keeps its code when its file changes, so the digest is that of the
    first look, at all files of a package at once. What is imported only later must not have changed
    meanwhile: it would not be what its digest says.
    """

    def __init__(self, root: Path | None = None) -> None:
        """Look at nothing yet; `root` is this package's folder."""
        self._root = root or Path(acclimate.__file__).parent
        self._parsed = ParsedFiles()
        self._files: dict[Path, SourceFile] = {}
        self._waiting: dict[str, tuple[Module, str]] = {}
        """Modules not imported when they were looked at, with the digest of their bytes."""
        self._packages: dict[str, dict[str, Module]] = {}
        self._labels: dict[str, Module] = {}
        self._lock = threading.RLock()

    def begin(self) -> None:
        """Take the digests of this package now, if they were not taken yet.

        Raises:
            ConfigError: A file was changed between its import and now.
        """
        self.package(PACKAGE)

    def package(self, name: str) -> dict[str, Module]:
        """Every module of this package or of a plugin's by its name; empty for any other."""
        with self._lock:
            if name not in self._packages:
                self._packages[name] = modules = self._listed(name)
                for module in modules.values():
                    self.look(module)
                    self._labels[module.label] = module
                if name == PACKAGE:
                    self._refuse_changed(modules)
            return self._packages[name]

    def expect(self, name: str) -> None:
        """Look at a plugin's files before one of its modules is imported."""
        top = name.partition(".")[0]
        if top != PACKAGE:
            self.package(top)

    def look(self, module: Module) -> SourceFile:
        """What its file says, or said when it was first looked at."""
        with self._lock:
            if module.path not in self._files:
                self._files[module.path] = self._parsed.of(module.path.read_bytes())
                if module.name and module.name not in sys.modules:
                    self._waiting[module.name] = module, _digest_of_bytes(module.path)
            return self._files[module.path]

    def look_again(self, path: Path) -> SourceFile:
        """What a user's file says now: it is imported anew whenever its code has changed."""
        with self._lock:
            self._files[path.resolve()] = source = self._parsed.of(path.read_bytes())
            return source

    def digest(self, label: str) -> str:
        """Of the code of the file that records call so; empty: there is none."""
        try:
            return self._digest(label)
        except OSError:
            return ""

    def _digest(self, label: str) -> str:
        if Path(label).is_absolute():
            return self.look(Module("", Path(label), label)).digest
        plugin, colon, _ = label.partition(":")
        self.package(plugin if colon else PACKAGE)
        return self.look(self._labels[label]).digest if label in self._labels else ""

    def require_unchanged(self) -> None:
        """Refuse to go on where a file changed before it was imported.

        Raises:
            ConfigError: Names the file.
        """
        with self._lock:
            for name in [name for name in self._waiting if name in sys.modules]:
                module, before = self._waiting[name]
                if _digest_of_bytes(module.path) != before:
                    raise _changed(module)
                del self._waiting[name]

    def remember(self) -> None:
        """Keep on the disk what was parsed."""
        with self._lock:
            self._parsed.remember()

    @cached_property
    def plugins(self) -> frozenset[str]:
        """Top packages of plugins."""
        return frozenset(
            point.value.partition(":")[0].partition(".")[0]
            for group in PLUGIN_GROUPS
            for point in metadata.entry_points(group=group)
        ) - {PACKAGE}

    def _listed(self, name: str) -> dict[str, Module]:
        if name == PACKAGE:
            return modules_below(self._root, name, "")
        spec = util.find_spec(name) if name in self.plugins else None
        if spec is None:
            return {}
        folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
        if folders:
            return {k: m for f in folders for k, m in modules_below(f, name, f"{name}:").items()}
        path = Path(str(spec.origin))
        return {name: Module(name, path, f"{name}:{path.name}")}

    def _refuse_changed(self, modules: dict[str, Module]) -> None:
        """What was imported before this moment may be what the file was, not what it is."""
        import psutil

        begun, now = psutil.Process().create_time() + _MARGIN_SECONDS, time.time()
        for name, module in modules.items():
            if name in sys.modules and begun < module.path.stat().st_mtime <= now:
                raise _changed(module)


def modules_below(folder: Path, package: str, prefix: str) -> dict[str, Module]:
    """Every module of a package's folder by its name; labels are paths below it after `prefix`."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        below = path.relative_to(folder)
        parts = [package, *below.with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = Module(name, path, f"{prefix}{below.as_posix()}")
    return modules


def _digest_of_bytes(path: Path) -> str:
    """Empty where there is no such file any more."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _changed(module: Module) -> ConfigError:
    return ConfigError(
        f"{module.label}: changed since this process began, so that it would run old and new code "
        "together; start it again"
    )


RUNNING = RunningCode()
"""Of this process."""
