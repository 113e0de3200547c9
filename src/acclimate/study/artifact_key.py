"""What a fitted model is found by: what was asked for, never how it was made."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acclimate.core.domain import TrainData
from acclimate.core.method import MemberSpec, Method, member_specs_of
from acclimate.core.record import digest
from acclimate.core.source_code.running_code import PACKAGE
from acclimate.data.corpus.sources import find_sources


@dataclass(frozen=True)
class RecipeStep:
    """One method of a recipe, or of a member in it."""

    method: Method
    key: str
    """Of what it makes."""
    made_from: tuple[str, ...]
    """Keys of the model it is fitted on and of its members."""


class ArtifactKeys:
    """Keys of all that may be made of one base on one domain's training data; nothing is fitted."""

    def __init__(self, base: str, data: TrainData) -> None:
        """Begin from the base's fingerprint."""
        self.base = base
        self._data = digest(data)

    def after(self, parent: str, methods: Sequence[Method], seed: int) -> str:
        """Of the last of methods that follow one another, each fitted on the one before."""
        for method in methods:
            parent = self.next(parent, method, seed)
        return parent

    def next(self, parent: str, method: Method, seed: int) -> str:
        """Of what a method makes of a model."""
        members = [self._member(spec, parent, seed) for spec in member_specs_of(method)]
        return digest(
            {
                "method": type(method).__name__,
                "of": _origin(type(method)),
                "fields": method,
                "parent": parent,
                "data": self._data,
                "seed": seed if method.depends_on_seed else None,
                **({"members": members} if members else {}),
            }
            | ({"reads": _changed(method.reads)} if method.reads else {})
        )

    def steps(self, methods: Sequence[Method], seed: int, parent: str = "") -> Iterator[RecipeStep]:
        """All that is made for a recipe, members before what holds them; some may come twice."""
        parent = parent or self.base
        for method in methods:
            for spec in member_specs_of(method):
                yield from self.steps(spec.methods, seed, _begun(spec, parent))
            members = [self._member(spec, parent, seed) for spec in member_specs_of(method)]
            key = self.next(parent, method, seed)
            yield RecipeStep(method, key, (parent, *members))
            parent = key

    def _member(self, spec: MemberSpec, parent: str, seed: int) -> str:
        return self.after(_begun(spec, parent), spec.methods, seed)


def _begun(spec: MemberSpec, parent: str) -> str:
    return spec.source.fingerprint() if spec.source else parent


def _origin(kind: type) -> str:
    """Tells methods of one name apart: a user's file, or a plugin's module; empty for ours."""
    if kind.__module__.partition(".")[0] == PACKAGE:
        return ""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return str(Path(file).resolve()) if file else kind.__module__


def _changed(paths: Sequence[str]) -> list[tuple[str, int, int]]:
    """What tells that files were changed: name, size and time of each, folders' files too."""
    sources = find_sources([Path(path) for path in paths])
    return [(source.name, source.num_bytes, source.changed_ns) for source in sources]
