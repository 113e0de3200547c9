"""Keep whole answers, and give them again to the same prompt or one like it."""

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

    The key is a digest of the model inside, the prompt and how it is asked, so that any change of
    these asks anew. Prompts that only mean alike share an answer if `max_false_hit_rate` says how
    often that may be a wrong one.

    Differs: the threshold of likeness is chosen on dev for that rate, not set by hand; no second
    model judges a hit.
    """

    paper: ClassVar[str] = "https://aclanthology.org/2023.nlposs-1.24"

    max_bytes: int = Field(default=2**28, ge=0)
    """Bytes of all answers kept on this machine, those of other models too; those that were not
    given for longest go first; 0 keeps none. 256 MiB are about 200,000 short answers."""
    max_age_hours: float = Field(default=168.0, gt=0)
    """Older answers are asked anew; a week."""
    is_sampled_kept: bool = False
    """Whether answers drawn at a temperature above 0 are kept too: the same draw is then given
    each time."""
    max_false_hit_rate: float = Field(default=0.0, ge=0, lt=1)
    """Of the prompts that share the answer of one that means alike, the share whose answer may be
    false; 0: only the same prompt is answered from the cache."""
    encoder: str = Field(default="lsa", min_length=1)
    """What tells prompts that mean alike, as in `acclimate.retrieval.encoders.load`: `lsa`, learned
    from the training questions, `minilm` or a sentence-transformers model."""
    is_saved: bool = False
    """Whether a saved model brings the answers it gave; else it brings only how to keep them."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Wrap the base; where prompts may share answers, ask it the dev items first."""
        seconds = self.max_age_hours * _SECONDS_PER_HOUR
        keeping = CachePolicy(self.max_bytes, seconds, self.is_sampled_kept, self.is_saved)
        likeness = self._likeness(base, data) if self.max_false_hit_rate else None
        return CachedModel(base, keeping, likeness)

    def _likeness(self, base: Model, data: TrainData) -> PromptSimilarity | None:
        """From which cosine on prompts share an answer; None: from none, and the reason is told.

        The encoder learns from no dev question, as it will know none that is asked later.
        """
        questions = [prompt.question for prompt, _ in data.pairs("train")]
        texts = questions or [document.text for document in data.documents]
        states = PromptSimilarity.states_of(self.encoder, texts) if texts else None
        tried = (
            [one for task in _free(data) for one in _tries(base, task, states)] if states else []
        )
        found = None
        if tried:
            cosines = np.array([one.cosine for one in tried])
            found = lowest_threshold(cosines, [o.is_false for o in tried], self.max_false_hit_rate)
        _tell(found, len(tried), self.max_false_hit_rate)
        return PromptSimilarity(states, found.threshold) if states and found else None


@dataclass(frozen=True)
class _Try:
    """A dev item, answered as the one most like it."""

    cosine: float
    is_false: bool


def _free(data: TrainData) -> Iterator[Task]:
    """Dev tasks that are answered freely: choices are weighed anew each time."""
    for task in data.dev:
        if len(task.items) > 1 and all(m.reads != "choices" for m in metrics_of(task).values()):
            yield task


def _tries(base: Model, task: Task, states: PromptEncoder) -> Iterator[_Try]:
    """One for each group of items, as those of a group are not independent."""
    answers = list(answers_to(base, task, task.items))
    vectors = unit_vectors(states, [task.prompt(item) for item in task.items])
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    first = {item.cluster: place for place, item in reversed(list(enumerate(task.items)))}
    for place in sorted(first.values()):
        other = int(cosines[place].argmax())
        is_false = _is_false(task, answers[place], answers[other])
        yield _Try(float(cosines[place, other]), is_false)


def _is_false(task: Task, fresh: Answer, kept: Answer) -> bool:
    """Whether the kept answer reads otherwise, and is not as good as a fresh one that is good.

    Good is what the task's main metric gives more than nothing.
    """
    if normalised(fresh.text) == normalised(kept.text):
        return False
    metric = next(iter(metrics_of(task).values()))
    own = fresh.score(metric)
    other = Answer(fresh.item, kept.text, kept.passages, completion=kept.completion).score(metric)
    return not other >= own > 0


def _tell(found: ThresholdTrial | None, num_tried: int, max_rate: float) -> None:
    if found is None:
        why = f"no cosine is surely below {max_rate:g} false hits a hit on {num_tried} dev items"
        log_value("sharing answers by likeness", f"off: {why}")
        return
    log_value("sharing answers by likeness", "on")
    log_value("cosine from which on an answer is shared", found.threshold)
    log_value(
        "dev items that share another's answer, share of those tried", found.num_hits / num_tried
    )
    log_value("false hits on dev, share of hits", found.num_false / found.num_hits)
    log_value("false hits, share of hits, upper bound at 95 % confidence", found.upper_bound)
