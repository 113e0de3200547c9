"""Response caching: give a kept answer to the same prompt, or to one like it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from acclimate.core.domain import Task, TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.core.runtime.fit_log import log_value
from acclimate.data.normalization import normalised
from acclimate.evaluation.answers import Answer, answers_to, metrics_of
from acclimate.response_cache.cached_model import CachedModel, CachePolicy
from acclimate.response_cache.similarity import (
    PromptSimilarity,
    ThresholdTrial,
    lowest_threshold,
    unit_vectors,
)
from acclimate.retrieval.encoders.prompt_encoder import PromptEncoder

_SECONDS_PER_HOUR = 3600.0


class ResponseCache(Method):
    """A cache of answers as GPTCache's (Bang 2023, section 3), before the model.

    The key is a digest of the model inside, the prompt and its sampling, so that any change of
    these gives a new answer. Prompts that only mean alike share an answer if `max_false_hit_rate`
    says how often that may be a wrong one.

    Differs: the threshold of similarity is chosen on dev for that rate, not set by hand; no second
    model judges a hit.
    """

    paper: ClassVar[str] = "https://aclanthology.org/2023.nlposs-1.24"

    max_bytes: int = Field(default=2**28, ge=0)
    """Bytes of all answers kept on this machine, those of other models too; the least recently used
    go first; 0 keeps none. 256 MiB are about 200,000 short answers."""
    max_age_hours: float = Field(default=168.0, gt=0)
    """Older answers are not given again; a week."""
    is_sampled_kept: bool = False
    """Whether answers drawn at a temperature above 0 are kept too: the same draw is then given
    each time."""
    max_false_hit_rate: float = Field(default=0.0, ge=0, lt=1)
    """Of the prompts that share the answer of one that means alike, the share whose answer may be
    false; 0: only the same prompt is answered from the cache."""
    encoder: str = Field(default="lsa", min_length=1)
    """Encodes prompts, to find those that mean alike, as in `acclimate.retrieval.encoders.load`:
    `lsa`, learned from the training questions, `minilm` or a sentence-transformers model."""
    is_saved: bool = False
    """Whether a saved model brings the answers it gave; else it brings only how to keep them."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Wrap the base; where prompts may share answers, let it answer the dev items first."""
        seconds = self.max_age_hours * _SECONDS_PER_HOUR
        policy = CachePolicy(self.max_bytes, seconds, self.is_sampled_kept, self.is_saved)
        similarity = self._similarity(base, data) if self.max_false_hit_rate else None
        return CachedModel(base, policy, similarity)

    def _similarity(self, base: Model, data: TrainData) -> PromptSimilarity | None:
        """The encoder and the cosine from which on prompts share an answer; None: they never do.

        The encoder learns from no dev question, as it will know none that comes later.
        """
        questions = [prompt.question for prompt, _ in data.pairs("train")]
        texts = questions or [document.text for document in data.documents]
        states = PromptSimilarity.fit_encoder(self.encoder, texts) if texts else None
        pairs = (
            [pair for task in _free(data) for pair in _pairs(base, task, states)] if states else []
        )
        trial = None
        if pairs:
            cosines = np.array([pair.cosine for pair in pairs])
            is_false = [pair.is_false for pair in pairs]
            trial = lowest_threshold(cosines, is_false, self.max_false_hit_rate)
        _log_trial(trial, len(pairs), self.max_false_hit_rate)
        return PromptSimilarity(states, trial.threshold) if states and trial else None


@dataclass(frozen=True)
class _Pair:
    """A dev item, answered as the one most like it."""

    cosine: float
    is_false: bool


def _free(data: TrainData) -> Iterator[Task]:
    """Dev tasks that are answered freely: choices are scored anew each time."""
    for task in data.dev:
        if len(task.items) > 1 and all(m.reads != "choices" for m in metrics_of(task).values()):
            yield task


def _pairs(base: Model, task: Task, states: PromptEncoder) -> Iterator[_Pair]:
    """One pair for each group of items, as those of a group are not independent."""
    answers = list(answers_to(base, task, task.items))
    vectors = unit_vectors(states, [task.prompt(item) for item in task.items])
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    first = {item.cluster: index for index, item in reversed(list(enumerate(task.items)))}
    for index in sorted(first.values()):
        other = int(cosines[index].argmax())
        is_false = _is_false(task, answers[index], answers[other])
        yield _Pair(float(cosines[index, other]), is_false)


def _is_false(task: Task, fresh: Answer, cached: Answer) -> bool:
    """Whether the cached answer differs, and scores less than a fresh one that scores above 0.

    Scores are of the task's first metric.
    """
    if normalised(fresh.text) == normalised(cached.text):
        return False
    metric = next(iter(metrics_of(task).values()))
    fresh_score = fresh.score(metric)
    cached_score = Answer(
        fresh.item, cached.text, cached.passages, completion=cached.completion
    ).score(metric)
    return not cached_score >= fresh_score > 0


def _log_trial(trial: ThresholdTrial | None, num_tried: int, max_rate: float) -> None:
    if trial is None:
        why = f"no cosine is surely below {max_rate:g} false hits a hit on {num_tried} dev items"
        log_value("sharing answers by likeness", f"off: {why}")
        return
    log_value("sharing answers by likeness", "on")
    log_value("cosine from which on an answer is shared", trial.threshold)
    log_value(
        "dev items that share another's answer, share of those tried", trial.num_hits / num_tried
    )
    log_value("false hits on dev, share of hits", trial.num_false / trial.num_hits)
    log_value("false hits, share of hits, upper bound at 95 % confidence", trial.upper_bound)
