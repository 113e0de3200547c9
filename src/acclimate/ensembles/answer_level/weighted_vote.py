"""Vote over whole answers, with weights given for each prompt.

Letters: N prompts, K members.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from acclimate.core.choice_probabilities import Question, by_question, weighed_as
from acclimate.core.errors import BackendError
from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.seeding import derive
from acclimate.core.types import Floats
from acclimate.ensembles.answer_level.tally import Tally, tally_answers, tally_choices
from acclimate.ensembles.ensemble_model import EnsembleModel
from acclimate.ensembles.member_calls import (
    Failure,
    all_members_failed,
    generate_each,
    loglikelihood_each,
)

A = TypeVar("A")
B = TypeVar("B")
_LEAST = 1e-9
"""Probability that a choice has at least, so that its logarithm is a number."""


@dataclass(frozen=True, eq=False)
class WeightedVoteModel(EnsembleModel):
    """Gives the answer with the greatest weight; by itself, all members weigh the same."""

    kind: ClassVar[str] = "weighted_vote"

    def generate_weighted(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        weights: Floats,
        temperatures: Floats,
    ) -> list[Completion]:
        """The winner of each prompt's vote.

        Args:
            prompts: N of them.
            sampling: How members draw, but for the temperature.
            weights: Of each member for each prompt, (N, K), not negative.
            temperatures: At which the members answer each prompt, (N,).

        Raises:
            BackendError: A prompt that every member fails at.
        """
        tallies = self.tallies(prompts, sampling, temperatures)
        answers = []
        for tally, member_weights in zip(tallies, weights, strict=True):
            if isinstance(tally, BackendError):
                raise tally
            answers.append(tally.candidates[tally.winner(member_weights)])
        return answers

    def tallies(
        self, prompts: Sequence[Prompt], sampling: Sampling, temperatures: Floats
    ) -> list[Tally | BackendError]:
        """The members' answers to each prompt; an error where all of them fail."""
        columns = [_answers(m, prompts, sampling, temperatures) for m in self.members]
        return [
            _tally_or_error(tally_answers, prompt, answers)
            for prompt, *answers in zip(prompts, *columns, strict=True)
        ]

    def choice_tallies(self, questions: Sequence[Question]) -> list[Tally | BackendError]:
        """The members' probabilities of the choices; an error where all of them fail."""
        columns = [loglikelihood_each(member, questions) for member in self.members]
        return [
            _tally_or_error(tally_choices, question, weighed)
            for question, *weighed in zip(questions, *columns, strict=True)
        ]

    def loglikelihood_weighted(self, pairs: Sequence[Pair], weights: Floats) -> list[LogLikelihood]:
        """Choices get shares of the vote; a continuation alone, the weighted mean probability.

        Args:
            pairs: N prompts with continuations.
            weights: Of each member for each pair, (N, K); of one prompt, those of its last pair.
        """
        weights_of = {prompt: row for (prompt, _), row in zip(pairs, weights, strict=True)}
        return by_question(
            pairs,
            lambda some: self._mean(some, weights_of),
            lambda some: self._elect(some, weights_of),
        )

    def _elect(
        self, questions: Sequence[Question], weights: Mapping[Prompt, Floats]
    ) -> list[list[LogLikelihood]]:
        weighed = []
        tallies = self.choice_tallies(questions)
        for (prompt, texts), tally in zip(questions, tallies, strict=True):
            if isinstance(tally, BackendError):
                raise tally
            shares = tally.votes(weights[prompt]).clip(_LEAST)
            passages = tally.candidates[0].passages
            weighed.append(weighed_as((shares / shares.sum()).tolist(), texts, passages))
        return weighed

    def _mean(
        self, questions: Sequence[Question], weights: Mapping[Prompt, Floats]
    ) -> list[list[LogLikelihood]]:
        columns = [loglikelihood_each(member, questions) for member in self.members]
        return [
            [_mixture(question[0], weighed, weights[question[0]])]
            for question, *weighed in zip(questions, *columns, strict=True)
        ]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """By even weights."""
        even = np.ones((len(prompts), len(self.members)))
        return self.generate_weighted(
            prompts, sampling, even, np.full(len(prompts), sampling.temperature)
        )

    def choose(self, questions: Sequence[Question]) -> list[list[LogLikelihood]]:
        """By even weights."""
        return self._elect(questions, {p: np.ones(len(self.members)) for p, _ in questions})

    def write(self, folder: Path) -> dict[str, Any]:
        """Nothing: the members save themselves."""
        return {}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Around the members."""
        return cls(tuple(children.values()))


def _tally_or_error(
    make: Callable[[A, Sequence[B]], Tally], question: A, answers: Sequence[B]
) -> Tally | BackendError:
    try:
        return make(question, answers)
    except BackendError as error:
        return error


def _answers(
    member: Model, prompts: Sequence[Prompt], sampling: Sampling, temperatures: Floats
) -> list[Completion | Failure]:
    """A member's answers; each draw follows from its prompt and the seed alone."""
    answers: list[Completion | Failure | None] = [None] * len(prompts)

    def ask(indices: Sequence[int], **settings: float) -> None:
        draw_sampling = sampling.model_copy(update=settings)
        drawn = generate_each(member, [prompts[index] for index in indices], draw_sampling)
        for index, answer in zip(indices, drawn, strict=True):
            answers[index] = answer

    ask([index for index, heat in enumerate(temperatures) if heat == 0], temperature=0.0)
    for index, heat in enumerate(temperatures.tolist()):
        if heat > 0:
            ask([index], temperature=heat, seed=derive(sampling.seed, prompts[index]))
    return [answer for answer in answers if answer is not None]


def _mixture(
    prompt: Prompt, answers: Sequence[tuple[LogLikelihood, ...] | Failure], weights: Floats
) -> LogLikelihood:
    weighed = [
        (w[0], weight) for w, weight in zip(answers, weights, strict=True) if isinstance(w, tuple)
    ]
    if not weighed:
        raise all_members_failed(prompt, [w for w in answers if not isinstance(w, tuple)])
    first = weighed[0][0]
    shares = np.log(np.maximum([weight for _, weight in weighed], _LEAST))
    total = np.logaddexp.reduce(shares + [w.logprob for w, _ in weighed])
    logprob = float(total - np.logaddexp.reduce(shares))
    return LogLikelihood(logprob, first.num_tokens, first.num_bytes, first.passages)
