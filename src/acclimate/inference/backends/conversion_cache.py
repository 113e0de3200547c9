"""Cache of networks converted for external engines, each converted once."""

import io
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from acclimate.core.errors import (
    AcclimateError,
    BackendError,
    MissingExtraError,
    NotApplicableError,
)
from acclimate.core.home import home
from acclimate.core.provenance import Trace
from acclimate.core.record import digest
from acclimate.core.runtime.silence import silenced
from acclimate.core.storage.artifact_store import Store
from acclimate.core.storage.disk_space import is_disk_full
from acclimate.inference.backends.interface import Backend
from acclimate.inference.local_model import LocalModel
from acclimate.nn.weights_identity import weights_digest

_FOLDER = "backends"


def converted(model: LocalModel, backend: Backend) -> Path:
    """The folder of the engine's files: from the store, or converted now, whole or not at all.

    Raises:
        NotApplicableError: The engine cannot run such a network, or an adapter stays beside it.
        BackendError: The store cannot be read back.
    """
    network = _plain_network(model, backend)
    _require_own_layers(network, backend)
    store, key = Store(home() / _FOLDER), _key(network, model.tokenizer, backend)
    if folder := store.get(key):
        return folder
    trace = Trace(__name__)
    trace.add(backend, network)
    about = {"backend": backend.name, "precision": backend.kept_as}
    with store.put(key, about, trace) as aside:
        _convert(backend, network, model.tokenizer, aside)
    folder = store.get(key)
    if not folder:
        raise BackendError(f"{store.root}: what was just converted cannot be read back")
    return folder


def _plain_network(model: LocalModel, backend: Backend) -> Any:
    """The network, with an adapter merged into its weights, if engines can run it."""
    if model.is_seq2seq:
        raise NotApplicableError(
            f"{backend.name} runs decoders alone here, and this model has an encoder; it answers "
            "by our own loop"
        )
    if model.adapter is None:
        return model.network
    try:
        return model.owned_copy()
    except NotApplicableError as error:
        raise NotApplicableError(
            f"{backend.name} holds plain weights, of which {type(model.adapter).__name__} cannot "
            "become part; the model answers by our own loop"
        ) from error


def _require_own_layers(network: Any, backend: Backend) -> None:
    """Weights under other names would be drawn at random where the network is read back."""
    with torch.device("meta"):
        fresh = type(network)(network.config)
    if _shapes(network) != _shapes(fresh):
        raise NotApplicableError(
            f"{backend.name} knows a {network.config.model_type} network by its own layers, and "
            "some of this one's are replaced; it answers by our own loop"
        )


def _shapes(network: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in network.state_dict().items()}


def _convert(backend: Backend, network: Any, tokenizer: Any, folder: Path) -> None:
    try:
        with silenced(), redirect_stdout(io.StringIO()):
            backend.convert(network, tokenizer, folder)
    except AcclimateError:
        raise
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        raise MissingExtraError(backend.name, "serve", missing) from error
    except Exception as error:  # converters raise what they like
        if is_disk_full(error, folder):
            raise
        kind = network.config.model_type
        raise NotApplicableError(
            f"{backend.name} cannot take this {kind} network: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _key(network: Any, tokenizer: Any, backend: Backend) -> str:
    return digest(
        {
            "backend": backend.name,
            "precision": backend.kept_as,
            "version": version(backend.package) if backend.package else "",
            "weights": weights_digest(network),
            "config": network.config.to_dict(),
            "tokenizer": tokenizer.backend_tokenizer.to_str(),
        }
    )
