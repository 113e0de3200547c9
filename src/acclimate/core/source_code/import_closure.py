"""Which files and libraries some modules' code reaches by its imports."""

import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import util
from pathlib import Path

from acclimate.core.source_code.running_code import PACKAGE, RUNNING, Module, modules_below


@dataclass
class Closure:
    """What the code of some modules may run."""

    files: dict[str, str] = field(default_factory=dict)
    """Label → digest of the code."""
    libraries: set[str] = field(default_factory=set)
    """Top import names of what is neither ours nor a user's."""


def import_closure(names: Iterable[str]) -> Closure:
    """Follow every import from modules that are imported, or are in this package or a plugin.

    Those of a user are followed into the files beside them, and into whatever else lies outside
    the folders of libraries; one of a plugin brings its whole package.
    """
    reached = Closure()
    met: set[Path] = set()
    waiting = [module for name in sorted(set(names)) for module in _roots(name, reached)]
    while waiting:
        module = waiting.pop()
        if module.path in met:
            continue
        met.add(module.path)
        source = RUNNING.look(module)
        reached.files[module.label] = source.digest
        for written in source.imports:
            waiting += _reached(written, module, reached)
    reached.files = dict(sorted(reached.files.items()))
    return reached


def is_followed(name: str) -> bool:
    """Whether the code of a module's top package is followed, or it is a library."""
    top = name.partition(".")[0]
    if top == PACKAGE or top in RUNNING.plugins:
        return True
    return top not in sys.stdlib_module_names and not _is_library(name)


def _roots(name: str, reached: Closure) -> Iterator[Module]:
    """The module itself and the packages it lies in; of a plugin all."""
    top = name.partition(".")[0]
    if top in RUNNING.plugins:
        yield from RUNNING.package(top).values()
    elif top == PACKAGE:
        yield from _along(name, RUNNING.package(top))
    elif is_followed(name):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None:
            reached.files[f"{name}, which lies in no file"] = ""
        else:
            path = Path(file).resolve()
            module = Module(name, path, str(path))
            around = _local(_folder_of(module)) if "." in name else {}
            yield from _along(name, around) if name in around else [module]
    else:
        _note_library(top, reached)


def _reached(written: str, importer: Module, reached: Closure) -> Iterator[Module]:
    """The modules that an import in `importer` runs, of those that are followed."""
    if written.startswith("~"):
        top = importer.name.partition(".")[0]
        if written[1:].partition(".")[0] == top:
            yield from _along(written[1:], _package(top, importer))
        return
    module, _, name = written.partition(":")
    if module.startswith("."):
        module = _absolute(module, importer)
    whole = f"{module}.{name}" if name else module
    top = whole.partition(".")[0]
    if top in sys.stdlib_module_names:
        return
    package = _package(top, importer)
    if top in RUNNING.plugins:
        yield from package.values()
    elif package:
        yield from _along(whole, package)
    else:
        _note_library(top, reached)


def _note_library(top: str, reached: Closure) -> None:
    if top not in sys.stdlib_module_names:
        reached.libraries.add(top)


def _along(name: str, package: dict[str, Module]) -> Iterator[Module]:
    """`a`, `a.b` and `a.b.c` for `a.b.c`: importing it runs all three."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        if module := package.get(".".join(parts[:end])):
            yield module


def _absolute(name: str, importer: Module) -> str:
    level = len(name) - len(name.lstrip("."))
    is_package = importer.path.name == "__init__.py"
    above = importer.name.split(".")
    above = above[: len(above) - level + is_package]
    return ".".join([*above, *filter(None, [name.lstrip(".")])])


def _package(top: str, importer: Module) -> dict[str, Module]:
    """The modules of a top package that is followed, by name; empty: it is a library."""
    if top == PACKAGE or top in RUNNING.plugins:
        return RUNNING.package(top)
    if importer.name.partition(".")[0] in {PACKAGE, *RUNNING.plugins}:
        return {}
    if importer.name.partition(".")[0] == top and "." in importer.name:
        return _local(_folder_of(importer))
    beside = importer.path.parent / top
    if beside.is_dir() or beside.with_suffix(".py").is_file():
        return _local(beside)
    return {} if _is_library(top) else _local(Path(_origin(top)))


def _folder_of(module: Module) -> Path:
    """Of the top package that it lies in."""
    is_package = module.path.name == "__init__.py"
    return module.path.parents[module.name.count(".") - 1 + is_package]


def _local(path_or_folder: Path) -> dict[str, Module]:
    """A user's folder, or one file of theirs, as a package."""
    if path_or_folder.is_dir():
        return modules_below(
            path_or_folder.resolve(), path_or_folder.name, f"{path_or_folder.resolve()}/"
        )
    path = path_or_folder.with_suffix(".py").resolve()
    if not path.is_file():
        return {}
    return {path.stem: Module(path.stem, path, str(path))}


@cache
def _is_library(name: str) -> bool:
    """Whether a module lies in a folder of installed libraries, or nowhere."""
    origin = _origin(name)
    return not origin or any(map(_is_of_libraries, Path(origin).parents))


def _origin(name: str) -> str:
    """The file or folder of a module that is imported, or of its top package; empty: none."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is not None:
        return str(Path(file).resolve())
    try:
        spec = util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    folders = list(spec.submodule_search_locations or ())
    return str(Path(folders[0] if folders else str(spec.origin)).resolve())


@cache
def _is_of_libraries(folder: Path) -> bool:
    """Python's own, or one that packages were installed into: it says which."""
    paths = sysconfig.get_paths()
    named = {Path(paths[key]).resolve() for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return folder in named or next(folder.glob("*.dist-info"), None) is not None
