"""Saved models: a folder with `model.yaml` beside each model's own files."""

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, TypeVar

from acclimate.core.errors import BackendError
from acclimate.core.model import Model

T = TypeVar("T")

MANIFEST = "model.yaml"
"""Written in the JSON subset of YAML, so that reading it needs no parser that can run code."""


def save_model(model: Model, folder: Path, *, outside: Model | None = None) -> None:
    """Write a model and everything inside it, but for what lies in `outside`.

    Args:
        model: What to save.
        folder: Made if need be.
        outside: A model that the reader will have: it and all inside it are named, not written.
    """
    given = {id(part): path for path, part in descendants(outside)} if outside else {}
    folder.mkdir(parents=True, exist_ok=True)
    children: dict[str, Any] = {}
    for name, child in model.children.items():
        if id(child) in given:
            children[name] = {"outside": given[id(child)]}
        else:
            children[name] = {"folder": name}
            save_model(child, folder / name, outside=outside)
    manifest = {
        "model": name_of(type(model)),
        "fields": model.write(folder),
        "children": children,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def load_model(folder: Path, *, outside: Model | None = None) -> Model:
    """Read what `save_model` wrote.

    Raises:
        BackendError: The folder is not a saved model, or names a class that is not ours.
    """
    try:
        manifest = _manifest(folder)
        kind = class_named(manifest["model"], Model)
        children = {
            name: _child(folder, where, outside) for name, where in manifest["children"].items()
        }
        return kind.read(folder, manifest["fields"], children)
    except (OSError, ValueError, KeyError) as error:
        raise BackendError(f"{folder}: not a model saved by acclimate ({error})") from error


def descendants(model: Model, path: str = "") -> Iterator[tuple[str, Model]]:
    """The model and all inside it, each with its path of field names (`inner/inner`)."""
    yield path, model
    for name, child in model.children.items():
        yield from descendants(child, f"{path}/{name}" if path else name)


def _child(folder: Path, where: Mapping[str, str], outside: Model | None) -> Model:
    if "outside" in where:
        for at, part in descendants(outside) if outside else ():
            if at == where["outside"]:
                return part
        raise BackendError(f"{folder}: saved around a model that was not given")
    path = (folder / where["folder"]).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BackendError(f"{folder}: a saved model may not point outside its folder")
    return load_model(path, outside=outside)


def _manifest(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / MANIFEST).read_text())
    kinds = {"model": str, "fields": dict, "children": dict}
    if not (isinstance(found, dict) and all(isinstance(found[k], t) for k, t in kinds.items())):
        raise ValueError(f"{MANIFEST} has not the form of one")
    return found


def class_named(name: str, parent: type[T]) -> type[T]:
    """The class `module:Name`, if it is ours or a plugin's and extends `parent`.

    Raises:
        BackendError: It is not.
    """
    module, _, attribute = name.partition(":")
    plugins = {p.value.partition(".")[0] for p in metadata.entry_points(group="acclimate.methods")}
    if module.partition(".")[0] not in {"acclimate", *plugins} and module not in sys.modules:
        raise BackendError(f"{name}: only models of acclimate and its plugins are loaded")
    try:
        kind = getattr(import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        if not module.startswith(error.name or "?"):
            raise  # ours is there, and lacks a library
        raise BackendError(f"{name}: this version has no such {parent.__name__.lower()}") from error
    if not (isinstance(kind, type) and issubclass(kind, parent)):
        raise BackendError(f"{name}: is not {_article(parent.__name__)}")
    return kind


def name_of(kind: type) -> str:
    """What `class_named` finds a class by."""
    return f"{kind.__module__}:{kind.__qualname__}"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"
