"""What tells a model from every other: a digest of all that it is made of."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model, NeuralModel
from acclimate.core.provenance import provenance_of
from acclimate.core.record import digest
from acclimate.core.source_code.object_modules import modules_of
from acclimate.core.storage.kinds import kind_of

_SAYS_NOTHING = (
    *("_name_or_path", "transformers_version", "dtype", "torch_dtype"),
    *("base_model_name_or_path", "peft_version"),
)
"""Of a configuration; the weights tell their own type."""
_OF_ADAPTERS = "adapter_config.json"


def identity_of(model: Model) -> str:
    """The same for two models that were saved from one, another for any that may answer otherwise.

    It is another where the code that answers, or a library below it, has changed. Every weight is
    read once, about a second for a gigabyte.

    Raises:
        NotApplicableError: A part cannot be saved, so that nothing tells what it is.
    """
    return digest([_identity(model, {}), provenance_of(modules_of(model))])


def _identity(model: Model, known: dict[int, str]) -> str:
    if id(model) not in known:
        inside = {name: _identity(child, known) for name, child in model.children.items()}
        known[id(model)] = digest([kind_of(type(model)), inside, _own(model)])
    return known[id(model)]


def _own(model: Model) -> Any:
    """What it is beside the models inside it."""
    if isinstance(model, NeuralModel) and not model.children:
        return _network(model)
    with tempfile.TemporaryDirectory() as folder:
        try:
            fields = model.write(Path(folder))
        except NotImplementedError as error:
            raise NotApplicableError(
                f"{type(model).__name__} cannot be saved, so that its answers cannot be told from "
                "another model's; keep the answers of a model that can"
            ) from error
        # As saved and read again: a tuple is then a list.
        return [json.loads(json.dumps(fields)), _files(Path(folder))]


def _files(folder: Path) -> dict[str, str]:
    """Digest of each file, but of cards for people, which libraries write names of folders into."""
    hashes = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md"):
        name = str(path.relative_to(folder))
        if path.name == _OF_ADAPTERS:
            hashes[name] = _settings(path)
        else:
            with path.open("rb") as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _settings(path: Path) -> str:
    """Digest of an adapter's settings: sets stand there in the order of the process."""
    config = json.loads(path.read_text(encoding="utf-8"))
    settings = {key: value for key, value in config.items() if key not in _SAYS_NOTHING}
    return digest(
        {k: sorted(map(str, v)) if isinstance(v, list) else v for k, v in settings.items()}
    )


def _network(model: NeuralModel) -> Any:
    """Weights, configuration and tokenizer, without writing them."""
    from acclimate.nn.weights_identity import weights_digest

    config = {k: v for k, v in model.network.config.to_dict().items() if k not in _SAYS_NOTHING}
    tokenizer = model.tokenizer
    return [
        kind_of(type(model.network)),
        json.loads(json.dumps(config, default=str)),
        weights_digest(model.network),
        hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
        [str(tokenizer.chat_template), tokenizer.model_max_length],
    ]
