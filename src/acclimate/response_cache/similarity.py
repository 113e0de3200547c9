"""Semantic similarity of prompts, and the threshold for sharing an answer.

Letters: N prompts, C of a vector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acclimate.core.prompt import Prompt, Turn
from acclimate.retrieval.encoders.lsa import NUM_COMPONENTS
from acclimate.retrieval.encoders.prompt_encoder import PromptEncoder
from acclimate.retrieval.vector_index import Vectors
from acclimate.statistics.binomial import upper_bound

CONFIDENCE = 0.95
"""Confidence that the rate of false hits is not above the allowed one."""
NUM_TRIED = 10
"""Thresholds tried: those that a tenth, two tenths, … of the trials reach."""


def last_turn_text(prompt: Prompt) -> str:
    """The text that is compared: the question, or the last turn of a dialogue."""
    return prompt.turns[-1].content if prompt.turns else prompt.question


def without_last_turn(prompt: Prompt) -> Prompt:
    """The prompt without that text, which must be equal where an answer is shared."""
    turns = prompt.turns[:-1] + tuple(Turn(last.role, "") for last in prompt.turns[-1:])
    return prompt.with_parts(question="", retrieval_query="", item_id="", turns=turns)


@dataclass(frozen=True, eq=False)
class PromptSimilarity:
    """Cosine of the vectors of the last turns of two prompts."""

    encoder: PromptEncoder
    threshold: float
    """Least cosine at which two prompts share an answer."""

    @classmethod
    def fit_encoder(cls, encoder: str, texts: Sequence[str]) -> PromptEncoder:
        """An encoder of prompts, fitted on texts where it learns (`retrieval.encoders.load`)."""
        return PromptEncoder.fit(encoder, _bare(texts), NUM_COMPONENTS)

    def vectors(self, prompts: Sequence[Prompt]) -> Vectors:
        """Unit vectors (N, C), 0 where the encoder knows nothing of the text."""
        return unit_vectors(self.encoder, prompts)

    def write(self, folder: Path) -> dict[str, Any]:
        """Save the encoder; return what else rebuilds it."""
        return {**self.encoder.write(folder), "threshold": self.threshold}

    @classmethod
    def read(cls, folder: Path, fields: Mapping[str, Any]) -> "PromptSimilarity":
        """Rebuild what `write` saved."""
        return cls(PromptEncoder.read(folder, dict(fields)), fields["threshold"])


def unit_vectors(encoder: PromptEncoder, prompts: Sequence[Prompt]) -> Vectors:
    """Unit vectors of the last turn of each prompt, (N, C)."""
    vectors = encoder.of(_bare([last_turn_text(prompt) for prompt in prompts]))
    return vectors / np.float32(np.sqrt(vectors.shape[1]))


def _bare(texts: Sequence[str]) -> list[Prompt]:
    # The text alone: what all prompts of a task share would make them all similar.
    return [Prompt(question=text) for text in texts]


@dataclass(frozen=True)
class ThresholdTrial:
    """Hits and false hits of a threshold on trial prompts."""

    threshold: float
    num_hits: int
    num_false: int
    upper_bound: float
    """Upper bound of the rate of false hits, at `CONFIDENCE` for all thresholds tried together."""


def lowest_threshold(
    cosines: NDArray[np.floating[Any]], is_false: Sequence[bool], max_rate: float
) -> ThresholdTrial | None:
    """The lowest tried threshold whose upper bound of false hits is within the allowed rate.

    Args:
        cosines: Of each trial prompt to the nearest other prompt, (N,).
        is_false: Whether that prompt's answer would be a false one, (N,).
        max_rate: Allowed false hits a hit.

    Returns:
        None where there is no such threshold.
    """
    false = np.array(is_false, dtype=bool)
    order = np.sort(cosines)[::-1]
    num_hits = {len(order) * part // NUM_TRIED for part in range(1, NUM_TRIED + 1)} - {0}
    tried = {float(order[num - 1]) for num in num_hits if order[num - 1] > 0}
    trials = [_trial(cosines, false, threshold) for threshold in sorted(tried)]
    return next((trial for trial in trials if trial.upper_bound <= max_rate), None)


def _trial(
    cosines: NDArray[np.floating[Any]], false: NDArray[np.bool_], threshold: float
) -> ThresholdTrial:
    hits = cosines >= threshold
    num_hits, num_false = int(hits.sum()), int((hits & false).sum())
    upper = upper_bound(num_false, num_hits, 1 - (1 - CONFIDENCE) / NUM_TRIED)
    return ThresholdTrial(threshold, num_hits, num_false, upper)
