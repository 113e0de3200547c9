"""Adapters put on a system's network, around the weights that are there already."""

import json
from pathlib import Path

from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.model import Model
from acclimate.core.rewriter import unwrap
from acclimate.core.storage.kinds import class_of
from acclimate.core.storage.saved_model import MODEL_FILE, load_model
from acclimate.inference.local_model import LocalModel

PEFT_CONFIG = "adapter_config.json"


def with_adapter(model: Model, folder: Path) -> Model:
    """The same system around its network with an adapter on it.

    Args:
        model: Ends in a network of ours; its weights are shared, not copied.
        folder: As acclimate saves an adapted model, or as PEFT saves an adapter.

    Raises:
        ConfigError: The system has no such network, or the folder no such adapter.
        BackendError: The adapter was trained on other weights.
    """
    unwrapped = unwrap(model)
    core = unwrapped.core
    if not isinstance(core, LocalModel):
        raise ConfigError(
            f"{folder}: adapters are put on systems that end in one network, and this ends in "
            f"{type(core).__name__}"
        )
    adapted = _saved(core, folder) if (folder / MODEL_FILE).is_file() else _peft(core, folder)
    return unwrapped.rewrap(adapted)


def _saved(core: LocalModel, folder: Path) -> Model:
    try:
        manifest = json.loads((folder / MODEL_FILE).read_text())
        kind = class_of(manifest["model"], Model)
        if issubclass(kind, LocalModel) and "adapter" in manifest["fields"]:
            # A base that was saved with it is the one that is here, or reading refuses it.
            return kind.read(folder, manifest["fields"], {"adapter_of": core})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendError(f"{folder}: not a model saved by acclimate ({error})") from error
    return load_model(folder, outside=core)


def _peft(core: LocalModel, folder: Path) -> Model:
    from acclimate.nn.adapters.peft import PeftAdapter

    if not (folder / PEFT_CONFIG).is_file():
        raise ConfigError(
            f"{folder}: no adapter lies there; give a folder with {MODEL_FILE} "
            "(saved by acclimate) "
            f"or {PEFT_CONFIG} (saved by PEFT)"
        )
    try:
        return core.adapted(lambda network: PeftAdapter.read(network, folder))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise BackendError(f"{folder}: the adapter cannot be put on ({reason})") from error
