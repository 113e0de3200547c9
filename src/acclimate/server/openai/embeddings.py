"""Texts as vectors: by the encoder that a system searches with, or by its network.

Letters: N texts, C of a vector.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acclimate.core.model import Model, NeuralModel
from acclimate.core.runtime.cost import metered
from acclimate.core.storage.saved_model import descendants
from acclimate.retrieval.rag_model import RagModel
from acclimate.server.api_errors import ApiError
from acclimate.server.limits import Limits
from acclimate.server.openai.prompts import decode_ids, each
from acclimate.server.openai.requests import EmbeddingRequest


@dataclass(frozen=True)
class EmbeddingResult:
    """Vectors, and what they took."""

    vectors: NDArray[np.float32]
    """Unit vectors (N, C)."""
    num_tokens: int


@dataclass(frozen=True)
class EmbeddingJob:
    """Texts to place."""

    asked: EmbeddingRequest

    def pieces(self, systems: Mapping[str, Model], limits: Limits) -> Iterator[EmbeddingResult]:
        """All vectors at once."""
        yield embed_texts(systems[self.asked.model], self.asked, limits)


def embed_texts(model: Model, body: EmbeddingRequest, limits: Limits) -> EmbeddingResult:
    """Place the texts of a request.

    Raises:
        ApiError: There are too many, or nothing in the model places texts.
    """
    texts = each(body.input)
    if len(texts) > limits.max_texts:
        raise ApiError(
            422, f"{len(texts)} texts, must be at most {limits.max_texts}", param="input"
        )
    texts_only = [text if isinstance(text, str) else decode_ids(model, text) for text in texts]
    with metered() as meter:
        vectors = _placed(model, texts_only)
    if body.dimensions not in {None, vectors.shape[1]}:
        raise ApiError(
            422,
            f"dimensions={body.dimensions}, this model gives {vectors.shape[1]}; leave it out",
            param="dimensions",
        )
    return EmbeddingResult(vectors, meter.cost.prompt_tokens)


def _placed(model: Model, texts: list[str]) -> NDArray[np.float32]:
    parts = [part for _, part in descendants(model)]
    for part in parts:
        if isinstance(part, RagModel) and part.index.manifest.settings.encoder:
            return part.index.encode(texts)
    for part in parts:
        if isinstance(part, NeuralModel):
            from acclimate.inference.embeddings import mean_states

            vectors: NDArray[np.float32] = mean_states(part, texts)
            return vectors
    raise ApiError(422, "this model has neither an encoder nor a network", param="model")


def embeddings_reply(body: EmbeddingRequest, result: EmbeddingResult) -> dict[str, Any]:
    """In OpenAI's shape."""
    rows = [
        {"object": "embedding", "index": index, "embedding": _written(body, vector)}
        for index, vector in enumerate(result.vectors)
    ]
    usage = {"prompt_tokens": result.num_tokens, "total_tokens": result.num_tokens}
    return {"object": "list", "data": rows, "model": body.model, "usage": usage}


def _written(body: EmbeddingRequest, vector: NDArray[np.float32]) -> str | list[float]:
    if body.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(value) for value in vector]
