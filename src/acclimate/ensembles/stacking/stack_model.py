"""A model that gives the answer its classifier finds most probably right."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from acclimate.core.choice_probabilities import Question, weighed_as
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import log_mean
from acclimate.core.types import Floats
from acclimate.data.normalization import normalised
from acclimate.ensembles.answer_level.tally import LEFT_OUT
from acclimate.ensembles.ensemble_model import EnsembleModel
from acclimate.ensembles.member_calls import (
    Failure,
    all_members_failed,
    confidences_if_answered,
    generate_each,
    loglikelihood_each,
)
from acclimate.ensembles.member_scores import DevScores, ScoredItem
from acclimate.ensembles.stacking.features import (
    Opinion,
    features_of,
    opinion_of_answer,
    opinion_of_choices,
)
from acclimate.ensembles.stacking.meta_model import MetaModel

_FILE = "judges.json"
_LEAST = 1e-9
"""Probability that a choice has at least, so that its logarithm is a number."""


@dataclass(frozen=True)
class StackModel(EnsembleModel):
    """Asks every member and gives the candidate that is most probably right."""

    kind: ClassVar[str] = "stack"

    metas: Mapping[str, MetaModel]
    """By task; `""` is of all others."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """The answer that is most probably right, as the first member that gives it wrote it.

        Raises:
            BackendError: A prompt that every member fails at.
        """
        answers = [generate_each(member, prompts, sampling) for member in self.members]
        opinions = [
            opinions_of_answers(member, prompts, member_answers)
            for member, member_answers in zip(self.members, answers, strict=True)
        ]
        by_prompt = list(zip(*opinions, strict=True))
        candidates = [
            list(dict.fromkeys(name for opinion in row for name in opinion)) for row in by_prompt
        ]
        right = self._right(prompts, candidates, by_prompt)
        rows = zip(prompts, zip(*answers, strict=True), candidates, right, strict=True)
        return [_best(*row) for row in rows]

    def choose(self, questions: Sequence[Question]) -> list[list[LogLikelihood]]:
        """Choices get their probabilities of being right, scaled to sum 1."""
        rows = list(
            zip(*(loglikelihood_each(member, questions) for member in self.members), strict=True)
        )
        opinions = [
            [
                opinion_of_choices(texts, weighed) if isinstance(weighed, tuple) else {}
                for weighed in row
            ]
            for (_, texts), row in zip(questions, rows, strict=True)
        ]
        prompts, choices = zip(*questions, strict=True)
        right = self._right(prompts, choices, opinions)
        return [_weighed(*each) for each in zip(questions, rows, right, strict=True)]

    def _right(
        self,
        prompts: Sequence[Prompt],
        candidates: Sequence[Sequence[str]],
        opinions: Sequence[Sequence[Opinion]],
    ) -> list[Floats]:
        """Probability of each prompt's candidates; a classifier is called once for all of its."""
        for row in opinions:
            log_mean(LEFT_OUT, sum(not opinion for opinion in row), len(row))
        probs = [np.zeros(0)] * len(prompts)
        keys = [p.task if p.task in self.metas else "" for p in prompts]
        for task in dict.fromkeys(keys):
            indices = [i for i, key in enumerate(keys) if key == task and candidates[i]]
            features = [features_of(candidates[i], opinions[i]) for i in indices]
            if features:
                right = self.metas[task].probabilities(np.concatenate(features))
                ends = np.cumsum([len(part) for part in features])[:-1]
                for i, part in zip(indices, np.split(right, ends), strict=True):
                    probs[i] = part
        return probs

    def write(self, folder: Path) -> dict[str, Any]:
        """Write each classifier's numbers."""
        tasks = list(self.metas)
        for index, task in enumerate(tasks):
            self.metas[task].write(folder, f"judge_{index}")
        (folder / _FILE).write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
        return {}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Read what `write` wrote."""
        tasks = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        metas = {task: MetaModel.read(folder, f"judge_{i}") for i, task in enumerate(tasks)}
        return cls(tuple(children.values()), metas)


def _best(
    prompt: Prompt, answers: Sequence[Completion | Failure], candidates: list[str], right: Floats
) -> Completion:
    answered = [answer for answer in answers if isinstance(answer, Completion)]
    if not answered:
        raise all_members_failed(prompt, [a for a in answers if not isinstance(a, Completion)])
    if not candidates:
        return answered[0]
    best = candidates[int(np.argmax(right))]
    voters = [answer for answer in answered if normalised(answer.text) == best]
    passages = dict.fromkeys(passage for voter in voters for passage in voter.passages)
    return replace(voters[0], passages=tuple(passages))


def _weighed(
    question: Question, answers: Sequence[tuple[LogLikelihood, ...] | Failure], right: Floats
) -> list[LogLikelihood]:
    prompt, texts = question
    weighed = [choices for choices in answers if isinstance(choices, tuple)]
    if not weighed:
        raise all_members_failed(prompt, [a for a in answers if not isinstance(a, tuple)])
    passages = tuple(dict.fromkeys(p for choices in weighed for p in choices[0].passages))
    shares = right.clip(_LEAST)
    return weighed_as((shares / shares.sum()).tolist(), texts, passages)


def opinions_of_answers(
    member: Model, prompts: Sequence[Prompt], answers: Sequence[Completion | Failure | None]
) -> list[Opinion]:
    """A member's opinion of its own free answers; empty where it failed."""
    certainty = confidences_if_answered(member, prompts, answers)
    return [
        opinion_of_answer(answer.text, confidence)
        if isinstance(answer, Completion) and confidence is not None
        else {}
        for answer, confidence in zip(answers, certainty, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Candidates:
    """The different answers to one dev item."""

    task: str
    cluster: str
    """Of the item: candidates of one are never in two folds."""
    texts: tuple[str, ...]
    features: Floats
    """(N, F)."""
    scores: Floats
    """(N,), under the task's main metric; of choices 1 for the target."""

    @property
    def labels(self) -> Floats:
        """(N,), 1 where right: a score of one half at least."""
        return (self.scores >= 0.5).astype(np.float64)


def candidates_of(dev: DevScores, members: Sequence[Model]) -> list[Candidates]:
    """The candidates of every dev item that some member has an opinion on."""
    prompts = [scored.task.prompt(scored.item) for scored in dev.items]
    columns = []
    for index, member in enumerate(members):
        answers = [scored.answers[index] for scored in dev.items]
        completions = [answer.completion if answer else None for answer in answers]
        free = opinions_of_answers(member, prompts, completions)
        columns.append(
            [
                opinion_of_choices(scored.item.choices, answer.weighed)
                if answer and answer.weighed
                else opinion
                for scored, answer, opinion in zip(dev.items, answers, free, strict=True)
            ]
        )
    rows = zip(dev.items, zip(*columns, strict=True), strict=True)
    return [_candidates(scored, opinions) for scored, opinions in rows if any(opinions)]


def _candidates(judged: ScoredItem, opinions: Sequence[Opinion]) -> Candidates:
    item = judged.item
    texts = tuple(dict.fromkeys(name for opinion in opinions for name in opinion))
    if any(answer and answer.weighed for answer in judged.answers):
        scores = [float(text == item.target) for text in texts]
    else:
        scored = [*zip(judged.answers, judged.scores, strict=True)]
        # As the first that gives it wrote it: that is what will be given.
        score_of = {normalised(answer.text): score for answer, score in reversed(scored) if answer}
        scores = [float(score_of[text] or 0.0) for text in texts]
    features = features_of(texts, opinions)
    return Candidates(judged.task.name, item.cluster, texts, features, np.array(scores))
