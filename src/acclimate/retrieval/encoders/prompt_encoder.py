"""Vectors of prompts, as states of a controller or for similarity.

Letters: N prompts, C of a state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acclimate.core.prompt import Prompt
from acclimate.retrieval.encoders.load import Encoder, load_encoder, make_encoder
from acclimate.retrieval.encoders.lsa import LsaEncoder

_FOLDER = "encoder"
NUM_FITTED = 2000
"""Texts at most that an encoder is fitted on: the few components that are used are stable by then,
and the time grows with texts times words."""


@dataclass(frozen=True, eq=False)
class PromptEncoder:
    """Encodes task and question of prompts."""

    name: str
    encoder: Encoder

    @classmethod
    def fit(cls, name: str, prompts: Sequence[Prompt], num_components: int) -> "PromptEncoder":
        """Fit an encoder on prompts, or load a pretrained one.

        Args:
            name: As in `retrieval.encoders.load.make_encoder`.
            prompts: One at least; `lsa` is fitted on them.
            num_components: Components used of `lsa`; other encoders are used whole.
        """
        every = -(-len(prompts) // NUM_FITTED)
        encoder = make_encoder(name, [_text(prompt) for prompt in prompts[::every]])
        if isinstance(encoder, LsaEncoder):
            axes = np.array(encoder.axes[:, :num_components])
            encoder = LsaEncoder(encoder.vocabulary, encoder.idf, axes)
        return cls(name, encoder)

    def of(self, prompts: Sequence[Prompt]) -> NDArray[np.float32]:
        """Vectors (N, C) scaled so that an entry is about 1 in size, as inputs of networks are."""
        vectors = self.encoder.encode([_text(prompt) for prompt in prompts])
        return np.asarray(vectors * np.sqrt(vectors.shape[1]), dtype=np.float32)

    def write(self, folder: Path) -> dict[str, Any]:
        """Save the encoder; return what else rebuilds it."""
        self.encoder.write(folder / _FOLDER)
        return {"encoder": self.name}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any]) -> "PromptEncoder":
        """Rebuild what `write` saved."""
        return cls(fields["encoder"], load_encoder(fields["encoder"], folder / _FOLDER))


def _text(prompt: Prompt) -> str:
    texts = [turn.content for turn in prompt.turns] or [prompt.question]
    return "\n".join([prompt.task, *texts])
