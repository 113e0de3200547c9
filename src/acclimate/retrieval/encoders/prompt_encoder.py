"""Prompts as the states of a controller: their vectors by an encoder.

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
"""Texts at most that an encoder is fitted on: the few directions that are kept are known by then,
and the time grows with texts times words."""


@dataclass(frozen=True, eq=False)
class PromptEncoder:
    """Places prompts by task and question."""

    name: str
    encoder: Encoder

    @classmethod
    def fit(cls, name: str, prompts: Sequence[Prompt], num_components: int) -> "PromptEncoder":
        """Learn from prompts, or take an encoder that has been learned.

        Args:
            name: As in `index.encoders.make_encoder`.
            prompts: One at least; what `lsa` learns from.
            num_components: Of an `lsa`, the first so many are kept; another encoder's all are.
        """
        every = -(-len(prompts) // NUM_FITTED)
        encoder = make_encoder(name, [_text(prompt) for prompt in prompts[::every]])
        if isinstance(encoder, LsaEncoder):
            axes = np.array(encoder.axes[:, :num_components])
            encoder = LsaEncoder(encoder.vocabulary, encoder.idf, axes)
        return cls(name, encoder)

    def of(self, prompts: Sequence[Prompt]) -> NDArray[np.float32]:
        """States (N, C), of which an entry is about 1 long, as networks like it."""
        found = self.encoder.encode([_text(prompt) for prompt in prompts])
        return np.asarray(found * np.sqrt(found.shape[1]), dtype=np.float32)

    def write(self, folder: Path) -> dict[str, Any]:
        """Save the encoder; return what else rebuilds it."""
        self.encoder.write(folder / _FOLDER)
        return {"encoder": self.name}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any]) -> "PromptEncoder":
        """Rebuild what `write` saved."""
        return cls(fields["encoder"], load_encoder(fields["encoder"], folder / _FOLDER))


def _text(prompt: Prompt) -> str:
    said = [turn.content for turn in prompt.turns] or [prompt.question]
    return "\n".join([prompt.task, *said])
