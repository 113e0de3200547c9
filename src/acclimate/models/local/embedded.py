"""The base that comes with the package: small, trained from scratch, no download."""

import hashlib
import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from acclimate.core.model import Model
from acclimate.core.runtime.progress import notify
from acclimate.core.runtime.silence import silenced
from acclimate.core.source import ModelSource, TaskSource

CARD = "card.json"


class Embedded(ModelSource):
    """acclimate-base: a decoder that can use its context; its card says what it learned from."""

    def load(self) -> Model:
        """Load it, frozen."""
        with silenced():
            from acclimate.inference.load import load_network
            from acclimate.inference.local_model import LocalModel

            return LocalModel(*load_network(self.folder))

    def disjoint_from(self, domain: TaskSource) -> "Embedded":
        """Itself; says so where it has read the documentation that the domain asks about."""
        seen = set(domain.packages) & set(self.card()["packages"])
        if seen:
            notify(
                f"the embedded base has read the documentation of {', '.join(sorted(seen))}; "
                "--base from_scratch trains one that has not"
            )
        return self

    def fingerprint(self) -> str:
        """Digest of the files."""
        whole = hashlib.sha256()
        for path in sorted(self.folder.iterdir()):
            whole.update(path.name.encode() + path.read_bytes())
        return whole.hexdigest()

    def num_params(self) -> int:
        """As the card says."""
        return int(self.card()["num_params"])

    def card(self) -> dict[str, Any]:
        """What it is, what it learned from, how, and how well."""
        values: dict[str, Any] = json.loads((self.folder / CARD).read_text(encoding="utf-8"))
        return values

    @property
    def folder(self) -> Path:
        """Where it lies, in transformers' format."""
        with as_file(files("acclimate.models.local") / "acclimate_base") as folder:
            return folder
