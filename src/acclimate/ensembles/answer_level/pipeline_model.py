"""Stages in turn: each reads the question and what those before it wrote."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from acclimate.core.errors import BackendError, UnknownNameError
from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import PromptRewriter
from acclimate.core.runtime.fit_log import log_mean
from acclimate.data.normalization import words
from acclimate.data.prompt_template import filled
from acclimate.ensembles.member_calls import Failure, generate_each
from acclimate.ensembles.members import as_children

_FAULTS = ("failed", "empty", "too long", "inconsistent")
"""Kinds of faults in what a stage wrote."""


@dataclass(frozen=True)
class Slot:
    """A stage: the template of its prompt, its limits, and the slot of its answer."""

    name: str
    template: str
    """Jinja of the question."""
    max_new_tokens: int
    stop: tuple[str, ...]
    min_overlap: float
    """Share of the answer's words that must stand in the question."""


@dataclass(frozen=True, eq=False)
class PipelineModel(PromptRewriter):
    """The last stage's model is the inner one; those before it write what it reads."""

    kind: ClassVar[str] = "pipeline"

    before: tuple[Model, ...]
    """The models of the stages before the last."""
    slots: tuple[Slot, ...]
    """One a stage."""

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The last stage's questions, its template filled with what the others wrote."""
        written = [{"question": prompt.question} for prompt in prompts]
        for slot, model in zip(self.slots, self.before, strict=False):
            stage_prompts = [
                # What the task instructs, and its choices, are for the last stage.
                _stage_prompt(slot, prompt, texts).with_parts(instruction="", choices=())
                for prompt, texts in zip(prompts, written, strict=True)
            ]
            answers = self._written(slot, model, stage_prompts)
            for texts, answer in zip(written, answers, strict=True):
                texts[slot.name] = answer or list(texts.values())[-1]
        last = self.slots[-1]
        rows = zip(prompts, written, strict=True)
        return [_stage_prompt(last, prompt, texts) for prompt, texts in rows]

    def _written(self, slot: Slot, model: Model, prompts: Sequence[Prompt]) -> list[str]:
        """What a stage writes for each prompt; empty where that is not to be used."""
        sampling = Sampling(max_new_tokens=slot.max_new_tokens, stop=slot.stop)
        answers = _timed(slot, model, prompts, sampling)
        faults = [
            _fault(slot, prompt, answer, sampling)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        _count(slot, faults)
        return [
            answer.text.strip()
            if isinstance(answer, Completion) and fault != "inconsistent"
            else ""
            for answer, fault in zip(answers, faults, strict=True)
        ]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """The last stage's answers.

        Raises:
            BackendError: It fails at one; the stage is named.
        """
        slot, stage_prompts = self.slots[-1], self.render(prompts)
        answers = _timed(slot, self.inner, stage_prompts, sampling)
        faults = [
            _fault(slot, prompt, answer, sampling)
            for prompt, answer in zip(stage_prompts, answers, strict=True)
        ]
        _count(slot, faults)
        for prompt, answer in zip(prompts, answers, strict=True):
            if not isinstance(answer, Completion):
                raise BackendError(f"stage '{slot.name}', item '{prompt.item_id}': {answer}")
        return [answer for answer in answers if isinstance(answer, Completion)]

    def with_stage(self, name: str, model: Model) -> "PipelineModel":
        """The same with another model at one stage.

        Raises:
            UnknownNameError: No stage has that name.
        """
        names = [slot.name for slot in self.slots]
        if name not in names:
            raise UnknownNameError("stage", name, names)
        models = [*self.before, self.inner]
        models[names.index(name)] = model
        return replace(self, inner=models[-1], before=tuple(models[:-1]))

    @property
    def children(self) -> Mapping[str, Model]:
        """The stages' models, the last as the inner one."""
        return {"inner": self.inner, **as_children(self.before)}

    def write(self, folder: Path) -> dict[str, Any]:
        """The stages' templates and limits."""
        return {"slots": [asdict(slot) for slot in self.slots]}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        slots = tuple(Slot(**{**slot, "stop": tuple(slot["stop"])}) for slot in fields["slots"])
        before = [model for name, model in children.items() if name != "inner"]
        return cls(children["inner"], tuple(before), slots)


def _stage_prompt(slot: Slot, prompt: Prompt, written: Mapping[str, str]) -> Prompt:
    parts = {"instruction": prompt.instruction, "choices": prompt.choices, **written}
    return prompt.with_parts(question=filled(slot.template, parts), turns=())


def _timed(
    slot: Slot, model: Model, prompts: Sequence[Prompt], sampling: Sampling
) -> list[Completion | Failure]:
    start = time.perf_counter()
    answers = generate_each(model, prompts, sampling)
    log_mean(f"{slot.name}: seconds a question", time.perf_counter() - start, len(prompts))
    return answers


def _fault(slot: Slot, prompt: Prompt, answer: Completion | Failure, sampling: Sampling) -> str:
    if not isinstance(answer, Completion):
        return "failed"
    if not answer.text.strip():
        return "empty"
    if answer.num_new_tokens >= sampling.max_new_tokens:
        return "too long"
    written = words(answer.text)
    num_shared = len([word for word in written if word in set(words(prompt.question))])
    return "inconsistent" if num_shared < slot.min_overlap * len(written) else ""


def _count(slot: Slot, faults: Sequence[str]) -> None:
    for kind in _FAULTS[: 4 if slot.min_overlap else 3]:
        log_mean(f"{slot.name}: {kind}, share of questions", faults.count(kind), len(faults))
