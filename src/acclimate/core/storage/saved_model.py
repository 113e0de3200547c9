"""Saved models: a folder with `model.yaml` beside each model's own files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from acclimate.core.errors import BackendError
from acclimate.core.model import Model
from acclimate.core.storage.kinds import class_of, kind_of

T = TypeVar("T")

Outside = Model | Mapping[str, Model] | None
"""Models that are kept elsewhere, and by which name."""

MODEL_FILE = "model.yaml"
"""Written in the JSON subset of YAML, so that reading it needs no parser that can run code."""


def save_model(model: Model, folder: Path, *, outside: Outside = None) -> None:
    """Write a model and everything inside it, each once, but for what lies in `outside`.

    Args:
        model: What to save.
        folder: Made if need be.
        outside: A model that the reader will have, or several by name: they and all inside them
            are named, not written.
    """
    known = {
        id(part): {"of": name, "outside": path}
        for name, whole in _named(outside).items()
        for path, part in descendants(whole)
    }
    _save(model, folder, known, "")


def _save(model: Model, folder: Path, known: dict[int, dict[str, str]], path: str) -> None:
    """Write it as what lies at `path` in the whole; what is `known` is told, not written."""
    folder.mkdir(parents=True, exist_ok=True)
    children: dict[str, Any] = {}
    for name, child in model.children.items():
        if id(child) in known:
            children[name] = known[id(child)]
        else:
            children[name] = {"folder": name}
            below = f"{path}/{name}" if path else name
            _save(child, folder / name, known, below)
            # Members of an ensemble often stand on one base.
            known[id(child)] = {"written": below}
    manifest = {
        "model": kind_of(type(model)),
        "fields": model.write(folder),
        "children": children,
    }
    (folder / MODEL_FILE).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def load_model(folder: Path, *, outside: Outside = None) -> Model:
    """Read what `save_model` wrote.

    Raises:
        BackendError: The folder is not a saved model, or is of a kind that is not ours.
    """
    return _Loading(outside).load(folder, "")


class _Loading:
    """Models that were read so far, by their path in the whole."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.read: dict[str, Model] = {}

    def load(self, folder: Path, path: str) -> Model:
        try:
            manifest = _manifest(folder)
            kind = class_of(manifest["model"], Model)
            children = {
                name: self._child(folder, where, f"{path}/{name}" if path else name)
                for name, where in manifest["children"].items()
            }
            self.read[path] = kind.read(folder, manifest["fields"], children)
        except (OSError, ValueError, KeyError) as error:
            raise BackendError(f"{folder}: not a model saved by acclimate ({error})") from error
        return self.read[path]

    def _child(self, folder: Path, where: Mapping[str, str], path: str) -> Model:
        if "outside" in where:
            whole = _named(self.outside).get(where.get("of", ""))
            for part_path, part in descendants(whole) if whole is not None else ():
                if part_path == where["outside"]:
                    return part
            raise BackendError(f"{folder}: saved around a model that was not given")
        if "written" in where:
            if where["written"] not in self.read:
                raise BackendError(f"{folder}: a part of another saved model; load the whole")
            return self.read[where["written"]]
        child_folder = (folder / where["folder"]).resolve()
        if not child_folder.is_relative_to(folder.resolve()):
            raise BackendError(f"{folder}: a saved model may not point outside its folder")
        return self.load(child_folder, path)


def descendants(model: Model, path: str = "") -> Iterator[tuple[str, Model]]:
    """The model and all inside it, each with its path of field names (`inner/inner`)."""
    yield path, model
    for name, child in model.children.items():
        yield from descendants(child, f"{path}/{name}" if path else name)


def _named(outside: Outside) -> Mapping[str, Model]:
    return {"": outside} if isinstance(outside, Model) else outside or {}


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = json.loads((folder / MODEL_FILE).read_text())
    kinds = {"model": str, "fields": dict, "children": dict}
    if not (
        isinstance(manifest, dict) and all(isinstance(manifest[k], t) for k, t in kinds.items())
    ):
        raise ValueError(f"{MODEL_FILE} has not the form of one")
    return manifest
