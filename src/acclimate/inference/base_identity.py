"""Whether a model is the one that an adapter was trained on."""

from pathlib import Path
from typing import Any

from acclimate.core.errors import BackendError
from acclimate.core.record import digest
from acclimate.nn.weights_identity import fingerprint


def identity(base: Any) -> dict[str, str]:
    """What tells a neural model from others: its weights, and which token has which number."""
    return {"on": fingerprint(base.network), "vocabulary": digest(base.tokenizer.get_vocab())}


def require_same(base: Any, told: dict[str, Any], folder: Path) -> None:
    """Refuse to put an adapter on another model than the one it was trained on.

    Raises:
        BackendError: Weights or vocabulary differ from what `identity` had told.
    """
    found = identity(base)
    beside = "load it beside the base that it was made with"
    if found["on"] != told["on"]:
        raise BackendError(
            f"{folder}: this adapter was trained on other weights than those of the model it is "
            f"put on; {beside}"
        )
    if found["vocabulary"] != told["vocabulary"]:
        raise BackendError(
            f"{folder}: the tokenizer of the model that this adapter is put on has changed since "
            f"it was trained; {beside}, its tokenizer as it was then"
        )
