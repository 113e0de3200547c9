"""Prompts that mean alike, and from which likeness on they may share an answer.

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
"""That the rate of false hits is not above the one that was stated."""
NUM_TRIED = 10
"""Thresholds tried: those that a tenth, two tenths, … of the trials reach."""


def last_turn_text(prompt: Prompt) -> str:
    """What is compared: the question, or the last that was said in a dialogue."""
    return prompt.turns[-1].content if prompt.turns else prompt.question


def without_last_turn(prompt: Prompt) -> Prompt:
    """All else, which must be the same where an answer is shared."""
    turns = prompt.turns[:-1] + tuple(Turn(last.role, "") for last in prompt.turns[-1:])
    return prompt.with_parts(question="", retrieval_query="", item_id="", turns=turns)


@dataclass(frozen=True, eq=False)
class PromptSimilarity:
    """Cosine of the vectors of what is said in two prompts."""

    states: PromptEncoder
    threshold: float
    """From which on they share an answer."""

    @classmethod
    def states_of(cls, encoder: str, texts: Sequence[str]) -> PromptEncoder:
        """What places prompts, learned from texts where it learns (`index.encoders`)."""
        return PromptEncoder.fit(encoder, _bare(texts), NUM_COMPONENTS)

    def vectors(self, prompts: Sequence[Prompt]) -> Vectors:
        """Unit vectors (N, C), 0 where nothing is known of what is said."""
        return unit_vectors(self.states, prompts)

    def write(self, folder: Path) -> dict[str, Any]:
        """Save the encoder; return what else rebuilds it."""
        return {**self.states.write(folder), "threshold": self.threshold}

    @classmethod
    def read(cls, folder: Path, fields: Mapping[str, Any]) -> "PromptSimilarity":
        """Rebuild what `write` saved."""
        return cls(PromptEncoder.read(folder, dict(fields)), fields["threshold"])


def unit_vectors(states: PromptEncoder, prompts: Sequence[Prompt]) -> Vectors:
    """Of what is said in each prompt, (N, C)."""
    found = states.of(_bare([last_turn_text(prompt) for prompt in prompts]))
    return found / np.float32(np.sqrt(found.shape[1]))


def _bare(texts: Sequence[str]) -> list[Prompt]:
    # Nothing beside the text: what all prompts of a task share would make them all alike.
    return [Prompt(question=text) for text in texts]


@dataclass(frozen=True)
class ThresholdTrial:
    """What sharing answers from a threshold on did where it was tried."""

    threshold: float
    num_hits: int
    num_false: int
    upper_bound: float
    """Of the rate of false hits, at `CONFIDENCE` for all thresholds tried together."""


def lowest_threshold(
    cosines: NDArray[np.floating[Any]], is_false: Sequence[bool], max_rate: float
) -> ThresholdTrial | None:
    """The lowest tried threshold whose rate of false hits is surely not above the stated one.

    Args:
        cosines: Of each trial, to the nearest other prompt, (N,).
        is_false: Whether that prompt's answer would be a false one, (N,).
        max_rate: False hits a hit.

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
