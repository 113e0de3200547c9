"""A model that asks its members in turn until one is sure enough."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from acclimate.core.choice_probabilities import Question, probabilities
from acclimate.core.model import NOT_ANSWERED_LOGPROB, Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import log_mean
from acclimate.ensembles.ensemble_model import EnsembleModel
from acclimate.ensembles.member_calls import (
    Failure,
    all_members_failed,
    confidences_if_answered,
    generate_each,
    loglikelihood_each,
)

NO_MEMBER = -1.0
"""Confidence in an answer that is empty or failed: below every threshold."""

T = TypeVar("T")


@dataclass(frozen=True)
class Step(Generic[T]):
    """State of a question: how many members were asked, and the best answer so far."""

    num_asked: int
    answer: T | Failure


@dataclass(frozen=True, eq=False)
class CascadeModel(EnsembleModel):
    """The first member answers, and each that is not sure enough passes the question on."""

    kind: ClassVar[str] = "cascade"

    thresholds: Mapping[str, tuple[float, ...]]
    """Task → of each member but the last, the confidence below which it passes a question on; `""`
    is of all other tasks."""
    answered: tuple[float, ...]
    """Share of the dev items that each member had the last word on."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """The answer of the first member that is sure enough, else of the last.

        Raises:
            BackendError: A prompt that every member fails at.
        """
        return self._settled(prompts, self._answer(prompts, sampling))

    def choose(self, questions: Sequence[Question]) -> list[list[LogLikelihood]]:
        """The choices as that member weighs them."""
        prompts = [prompt for prompt, _ in questions]
        return [list(weighed) for weighed in self._settled(prompts, self._weigh(questions))]

    @property
    def mixture(self) -> Sequence[float]:
        """How often each member has the last word."""
        return self.answered

    def _answer(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Step[Completion]]:
        def ask(member: Model, indices: Sequence[int]) -> list[Completion | Failure]:
            return generate_each(member, [prompts[index] for index in indices], sampling)

        def sure(
            member: Model, indices: Sequence[int], answers: Sequence[Completion | Failure]
        ) -> list[float]:
            return confidence_in(member, [prompts[index] for index in indices], answers)

        return self._pass_on([prompt.task for prompt in prompts], ask, sure)

    def _weigh(self, questions: Sequence[Question]) -> list[Step[tuple[LogLikelihood, ...]]]:
        def ask(member: Model, indices: Sequence[int]) -> list[tuple[LogLikelihood, ...] | Failure]:
            return loglikelihood_each(member, [questions[index] for index in indices])

        def sure(
            member: Model,
            indices: Sequence[int],
            answers: Sequence[tuple[LogLikelihood, ...] | Failure],
        ) -> list[float]:
            return [
                margin(weighed) if isinstance(weighed, tuple) else NO_MEMBER for weighed in answers
            ]

        return self._pass_on([prompt.task for prompt, _ in questions], ask, sure)

    def _pass_on(
        self,
        tasks: Sequence[str],
        ask: Callable[[Model, Sequence[int]], list[T | Failure]],
        sure: Callable[[Model, Sequence[int], Sequence[T | Failure]], list[float]],
    ) -> list[Step[T]]:
        """Ask each member what those before it passed on."""
        steps: dict[int, Step[T]] = {}
        left = list(range(len(tasks)))
        for position, member in enumerate(self.members):
            answers = ask(member, left)
            is_last = position == len(self.members) - 1
            certainty = [0.0] * len(left) if is_last else sure(member, left, answers)
            going_on = []
            for index, answer, confidence in zip(left, answers, certainty, strict=True):
                before = steps.get(index)
                is_kept = before is not None and not _is_answer(answer)
                steps[index] = Step(position + 1, before.answer if before and is_kept else answer)
                if not is_last and confidence < self._threshold(tasks[index], position):
                    going_on.append(index)
            left = going_on
            if not is_last:
                log_mean(
                    f"passed on to member {position + 2}, share of questions", len(left), len(tasks)
                )
        return [steps[index] for index in range(len(tasks))]

    def _threshold(self, task: str, member: int) -> float:
        return self.thresholds.get(task, self.thresholds[""])[member]

    def _settled(self, prompts: Sequence[Prompt], steps: Sequence[Step[T]]) -> list[T]:
        for prompt, step in zip(prompts, steps, strict=True):
            if isinstance(step.answer, Failure):
                raise all_members_failed(prompt, [step.answer])
        return [step.answer for step in steps if not isinstance(step.answer, Failure)]

    def recorded_seconds(self, prompts: Sequence[Prompt]) -> list[float] | None:
        """Seconds of the members that were asked, one after another."""
        taken = super().recorded_seconds(prompts)
        if not taken:
            return taken
        seconds = [member.recorded_seconds(prompts) or [] for member in self.members]
        is_choice = [bool(prompt.choices) for prompt in prompts]
        weighed = iter(self._weigh([(p, p.choices) for p in prompts if p.choices]))
        answered = iter(self._answer([p for p in prompts if not p.choices], Sampling()))
        num_asked = [
            next(weighed).num_asked if has else next(answered).num_asked for has in is_choice
        ]
        return [sum(row[index] for row in seconds[:num]) for index, num in enumerate(num_asked)]

    def write(self, folder: Path) -> dict[str, Any]:
        """Plain numbers; the members save themselves."""
        return {"thresholds": self.thresholds, "answered": self.answered}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        thresholds = {task: tuple(values) for task, values in fields["thresholds"].items()}
        return cls(tuple(children.values()), thresholds, tuple(fields["answered"]))


def _is_answer(answer: object) -> bool:
    """Whether it is more than a failure or an empty text."""
    if isinstance(answer, Completion):
        return bool(answer.text.strip())
    return isinstance(answer, tuple) and margin(answer) > NO_MEMBER


def margin(weighed: Sequence[LogLikelihood]) -> float:
    """How far the probability of the best choice is above the next, in [0, 1]."""
    if max(w.logprob for w in weighed) <= NOT_ANSWERED_LOGPROB:
        return NO_MEMBER
    second, first = sorted(probabilities(weighed))[-2:]
    return first - second


def confidence_in(
    member: Model, prompts: Sequence[Prompt], answers: Sequence[Completion | Failure | None]
) -> list[float]:
    """Geometric mean of each free answer's token probabilities; `NO_MEMBER` where it is empty."""
    written = [a if isinstance(a, Completion) and a.text.strip() else None for a in answers]
    certainty = confidences_if_answered(member, prompts, written)
    return [NO_MEMBER if confidence is None else confidence for confidence in certainty]
