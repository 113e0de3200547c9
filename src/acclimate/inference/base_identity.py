"""Check that an adapter is put on the base model that it was trained on."""

from pathlib import Path
from typing import Any

from acclimate.core.errors import BackendError
from acclimate.core.record import digest
from acclimate.nn.weights_identity import fingerprint


def identity(base: Any) -> dict[str, str]:
    """Digests of a neural model's weights and of its vocabulary, as they are saved."""
    return {"on": fingerprint(base.network), "vocabulary": digest(base.tokenizer.get_vocab())}


def require_same(base: Any, saved: dict[str, Any], folder: Path) -> None:
    """Refuse to put an adapter on another model than the one it was trained on.

    Raises:
        BackendError: Weights or vocabulary differ from the saved `identity`.
    """
    base_identity = identity(base)
    beside = "load it beside the base that it was made with"
    if base_identity["on"] != saved["on"]:
        raise BackendError(
            f"{folder}: this adapter was trained on other weights than those of the model it is "
            f"put on; {beside}"
        )
    if base_identity["vocabulary"] != saved["vocabulary"]:
        raise BackendError(
            f"{folder}: the tokenizer of the model that this adapter is put on has changed since "
            f"it was trained; {beside}, its tokenizer as it was then"
        )
