"""The public modules of a package or of Python, imported in silence."""

import importlib
import io
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from types import ModuleType

_NOT_IMPORTED = frozenset({
    "antigravity", "this", "idlelib", "test", "tkinter", "turtle", "turtledemo", "distutils",
    "lib2to3", "ensurepip", "msilib", "pydoc_data", "encodings", "posix", "nt", "posixpath",
    "ntpath", "genericpath", "sre_compile", "sre_constants", "sre_parse", "site", "pip", "opcode",
    "nturl2path",
})  # fmt: skip
"""Importing acts or needs a screen, or what it holds is public under another module's name."""
_PRIVATE = re.compile(r"(^|\.)(_|tests?$|testing$|conftest$|idle_test)")


def public_modules(package: str | None) -> Iterator[tuple[str, ModuleType]]:
    """Every public module that can be imported, with its dotted name, in alphabetical order.

    What modules print or warn of while they are imported is dropped; one that cannot be
    imported here (another system's, or with a missing dependency) is left out.

    Args:
        package: Import name of an installed package; None: the standard library.
    """
    tops = _standard_library() if package is None else [package]
    for top in tops:
        for name in _with_submodules(top):
            module = _imported(name)
            if module is not None:
                yield name, module


def _standard_library() -> list[str]:
    names = sorted(sys.stdlib_module_names - _NOT_IMPORTED)
    return [name for name in names if not _PRIVATE.search(name)]


def _with_submodules(top: str) -> list[str]:
    """The module and all below it, found in folders without importing any but packages."""
    names, left = [top], [top]
    while left:
        package = _imported(left.pop())
        for submodule in pkgutil.iter_modules(getattr(package, "__path__", None) or []):
            name = f"{package.__name__}.{submodule.name}" if package else submodule.name
            if not _PRIVATE.search(name):
                names.append(name)
                left += [name] if submodule.ispkg else []
    return sorted(set(names))


def _imported(name: str) -> ModuleType | None:
    cached = sys.modules.get(name)
    if cached is not None:
        return cached
    quiet = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(quiet), redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit):  # noqa: BLE001  (others' modules may raise anything)
            return None
