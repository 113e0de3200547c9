"""The class of something saved, by its kind: a word that no move of files changes."""

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import TypeVar

from acclimate.core.errors import BackendError
from acclimate.core.storage.old_class_paths import OLD_CLASS_PATHS

T = TypeVar("T")

_PACKAGE = Path(__file__).parents[2]
_DEFINITION = re.compile(rb'^class (\w+)|^    kind: ClassVar\[str\] = "(\w+)"', re.M)
"""A class at a file's top, and the kind that is told in its body."""


@cache
def kinds() -> Mapping[str, tuple[str, str]]:
    """Kind → module and name of its class; files are read for it, and nothing is imported."""
    places: dict[str, tuple[str, str]] = {}
    for path in sorted(_PACKAGE.rglob("*.py")):
        for name, kind in _told_in(path):
            below = path.relative_to(_PACKAGE.parent).with_suffix("")
            module = ".".join(below.parts).removesuffix(".__init__")
            if kind in places:
                raise BackendError(f"two classes are of the kind '{kind}': {name}, {places[kind]}")
            places[kind] = (module, name)
    return places


def _told_in(path: Path) -> Iterator[tuple[str, str]]:
    name = ""
    for match in _DEFINITION.finditer(path.read_bytes()):
        if match[1]:
            name = match[1].decode()
        else:
            yield name, match[2].decode()


def kind_of(cls: type) -> str:
    """What `class_of` finds a class by: its own kind; `module:Name` where it has none."""
    kind: str = vars(cls).get("kind", "")
    return kind or f"{cls.__module__}:{cls.__qualname__}"


def class_of(kind: str, parent: type[T]) -> type[T]:
    """The class of a kind, or of a path as models were saved under before, or a plugin's.

    Raises:
        BackendError: There is no such class of ours or of a plugin, or it does not extend `parent`.
    """
    kind = OLD_CLASS_PATHS.get(kind, kind)
    module, colon, name = kind.partition(":")
    if not colon:
        if kind not in kinds():
            raise BackendError(
                f"nothing that can be loaded is of the kind '{kind}'; known are "
                f"{', '.join(sorted(kinds()))}: update acclimate, or save the model again"
            )
        module, name = kinds()[kind]
    else:
        _require_ours(kind, module)
    try:
        cls = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if not module.startswith(error.name or "?"):
            raise  # ours is there, and lacks a library
        raise BackendError(f"{kind}: this version has no such {parent.__name__.lower()}") from error
    if not (isinstance(cls, type) and issubclass(cls, parent)):
        raise BackendError(f"{kind}: is not {_article(parent.__name__)}")
    return cls


def _require_ours(path: str, module: str) -> None:
    """Nothing is imported because a file says so, but what a user installed as a plugin."""
    plugins = {p.value.partition(".")[0] for p in metadata.entry_points(group="acclimate.methods")}
    if module.partition(".")[0] not in {"acclimate", *plugins} and module not in sys.modules:
        raise BackendError(f"{path}: only models of acclimate and its plugins are loaded")


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"
