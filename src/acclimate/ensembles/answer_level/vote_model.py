"""A model whose answer is the one that most of its members give."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from acclimate.core.choice_probabilities import Question, probabilities, weighed_as
from acclimate.core.model import NOT_ANSWERED_LOGPROB, Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import log_mean
from acclimate.core.runtime.seeding import derive
from acclimate.data.normalization import normalised
from acclimate.ensembles.answer_level.voting_rules import Ballot, Count, Rule, count
from acclimate.ensembles.ensemble_model import EnsembleModel
from acclimate.ensembles.member_calls import (
    Failure,
    all_members_failed,
    confidences,
    generate_each,
    loglikelihood_each,
)

TIES = "votes that were ties, share"
LEFT_OUT_OF_VOTE = "votes left out, as a member failed or gave nothing, share"

VoteStats = list[tuple[int, Completion]]
"""The votes on one prompt: index of the member, and its answer."""


@dataclass(frozen=True, eq=False)
class VoteModel(EnsembleModel):
    """Votes over whole answers, equal up to case, spaces and marks around them."""

    kind: ClassVar[str] = "vote"

    rule: Rule = "majority"
    weights: tuple[float, ...] | None = (1.0,)
    """One a member; None: how sure each is of its answer."""
    num_samples: int = 1
    """Answers of each member."""
    temperature: float | None = None
    """Of the draws; None: that of each request."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """The answer that wins, as most of its voters wrote it.

        Raises:
            BackendError: A prompt that every member fails at.
        """
        draws = [self._draws(member, prompts, sampling) for member in self.members]
        rows = [self._valid(prompt, drawn) for prompt, *drawn in zip(prompts, *draws, strict=True)]
        sure = self._sure(prompts, rows)
        return [self._elected(row, certainty) for row, certainty in zip(rows, sure, strict=True)]

    def _draws(
        self, member: Model, prompts: Sequence[Prompt], sampling: Sampling
    ) -> list[list[Completion | Failure]]:
        """Each prompt's answers; draws follow from it and the seed alone."""
        if self.temperature is None:
            return [[answer] for answer in generate_each(member, prompts, sampling)]
        draws = []
        for prompt in prompts:
            changes = {"temperature": self.temperature, "seed": derive(sampling.seed, prompt)}
            draw_sampling = sampling.model_copy(update=changes)
            draws.append(generate_each(member, [prompt] * self.num_samples, draw_sampling))
        return draws

    def _valid(self, prompt: Prompt, drawn: Sequence[Sequence[Completion | Failure]]) -> VoteStats:
        """The votes; a member that fails or says nothing has none."""
        every = [(member, answer) for member, answers in enumerate(drawn) for answer in answers]
        answered = [(member, answer) for member, answer in every if isinstance(answer, Completion)]
        if not answered:
            raise all_members_failed(prompt, [a for _, a in every if not isinstance(a, Completion)])
        row = [(member, answer) for member, answer in answered if normalised(answer.text)]
        log_mean(LEFT_OUT_OF_VOTE, len(every) - len(row), len(every))
        return row or answered[:1]

    def _sure(self, prompts: Sequence[Prompt], rows: Sequence[VoteStats]) -> list[list[float]]:
        """How sure each voter is; measured where it decides, as it may cost a pass an answer."""
        certainty = [[0.0] * len(row) for row in rows]
        open_rows = [
            index
            for index, row in enumerate(rows)
            if len(row) > 1 and (self.weights is None or self._count(row, certainty[index]).is_tie)
        ]
        for number, member in enumerate(self.members):
            votes = [
                (r, v) for r in open_rows for v, vote in enumerate(rows[r]) if vote[0] == number
            ]
            answers = confidences(member, [(prompts[r], rows[r][v][1]) for r, v in votes])
            for (r, v), confidence in zip(votes, answers, strict=True):
                certainty[r][v] = confidence
        return certainty

    def _count(self, row: VoteStats, sure: Sequence[float]) -> Count:
        ballots = [
            Ballot((normalised(answer.text),), self._weight(member, confidence), confidence)
            for (member, answer), confidence in zip(row, sure, strict=True)
        ]
        return count(ballots, self.rule)

    def _weight(self, member: int, confidence: float) -> float:
        return confidence if self.weights is None else self.weights[member]

    def _elected(self, row: VoteStats, sure: Sequence[float]) -> Completion:
        result = self._count(row, sure)
        log_mean(TIES, result.is_tie, 1)
        voters = [answer for _, answer in row if normalised(answer.text) == result.order[0]]
        ((text, _),) = Counter(answer.text for answer in voters).most_common(1)
        passages = dict.fromkeys(passage for answer in voters for passage in answer.passages)
        first = next(answer for answer in voters if answer.text == text)
        return replace(first, passages=tuple(passages))

    @property
    def mixture(self) -> Sequence[float]:
        """The weights of the vote."""
        return self.weights or (1.0,) * len(self.members)

    def choose(self, questions: Sequence[Question]) -> list[list[LogLikelihood]]:
        """Choices get their shares of the vote, so that the winner is the likeliest a byte.

        Each member ranks a prompt's choices by log-likelihood a byte, as a study chooses between
        them; `weighed_as` makes log-likelihoods of `Count.shares`.
        """
        rows = [loglikelihood_each(member, questions) for member in self.members]
        return [
            self._chosen(question, weighed)
            for question, *weighed in zip(questions, *rows, strict=True)
        ]

    def _chosen(
        self, question: Question, answers: Sequence[tuple[LogLikelihood, ...] | Failure]
    ) -> list[LogLikelihood]:
        prompt, texts = question
        weighed = [(member, a) for member, a in enumerate(answers) if isinstance(a, tuple)]
        if not weighed:
            raise all_members_failed(prompt, [a for a in answers if not isinstance(a, tuple)])
        ballots = [self._ballot(member, texts, choices) for member, choices in weighed]
        result = count(ballots, self.rule, texts)
        log_mean(TIES, result.is_tie, 1)
        num_voters = sum(bool(ballot.ranking) for ballot in ballots)
        log_mean(LEFT_OUT_OF_VOTE, len(answers) - num_voters, len(answers))
        passages = tuple(dict.fromkeys(p for _, choices in weighed for p in choices[0].passages))
        choice_of = dict(
            zip(result.order, weighed_as(result.shares, result.order, passages), strict=True)
        )
        return [choice_of[text] for text in texts]

    def _ballot(
        self, member: int, texts: Sequence[str], weighed: Sequence[LogLikelihood]
    ) -> Ballot:
        """The choices as a member ranks them; those that it did not answer it does not rank."""
        answered = [i for i, w in enumerate(weighed) if w.logprob > NOT_ANSWERED_LOGPROB]
        order = sorted(answered, key=lambda i: weighed[i].per_byte, reverse=True)
        sure = probabilities(weighed)[order[0]] if order else 0.0
        return Ballot(tuple(texts[i] for i in order), self._weight(member, sure), sure)

    def write(self, folder: Path) -> dict[str, Any]:
        """Plain numbers; the members save themselves."""
        return {
            "rule": self.rule,
            "weights": self.weights,
            "num_samples": self.num_samples,
            "temperature": self.temperature,
        }

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        weights = fields.pop("weights")
        return cls(tuple(children.values()), weights=weights and tuple(weights), **fields)
