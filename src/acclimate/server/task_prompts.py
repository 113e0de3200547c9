"""Questions from outside asked as a domain's task asks them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from acclimate.core.domain import Task
from acclimate.core.errors import ConfigError
from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import RUNNING_TEXT, TEMPLATE, Prompt
from acclimate.core.rewriter import PromptRewriter
from acclimate.data.prompt_template import as_text


@dataclass(frozen=True)
class TaskPrompts(PromptRewriter):
    """Gives a bare question its task's instruction and layout, and its answer the task's end.

    Running text stays as it is, and so does what a question brings of its own. Where the text is a
    question in the default layout, which clients that measure write themselves, the system adds to
    it what it adds to the study's questions.
    """

    kind: ClassVar[str] = "task_prompts"

    tasks: tuple[Task, ...]
    """Of the domain, without items. Where there is one, a question without a task is one of it."""

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The questions as a study puts them.

        Raises:
            ConfigError: A task that the domain has not.
        """
        return [self._rendered(prompt) for prompt in prompts]

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Each as its task is answered, in order."""
        rendered = self.render(prompts)
        ends = [self._ending(prompt, sampling) for prompt in rendered]
        answers: dict[int, Completion] = {}
        for sampling_of_end in dict.fromkeys(ends):
            places = [index for index, end in enumerate(ends) if end == sampling_of_end]
            completions = self.inner.generate(
                [rendered[index] for index in places], sampling_of_end
            )
            answers.update(zip(places, completions, strict=True))
        return [answers[index] for index in range(len(prompts))]

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """As it is written inside."""
        (rendered,) = self.render([prompt])
        yield from self.inner.stream(rendered, self._ending(rendered, sampling))

    def longest(self, task: str) -> int | None:
        """Tokens of an answer at most, of a question asked as this task; None: as none.

        Raises:
            ConfigError: A task that the domain has not.
        """
        asked_task = self._task(Prompt("", task=task))
        return asked_task.max_new_tokens if asked_task else None

    def _rendered(self, prompt: Prompt) -> Prompt:
        task = self._task(prompt)
        if task is None:
            return prompt
        if prompt.template == RUNNING_TEXT:
            return _recognised(prompt, task)
        return prompt.with_parts(
            task=task.name,
            instruction=prompt.instruction or task.instruction,
            template=task.template,
        )

    def _ending(self, prompt: Prompt, sampling: Sampling) -> Sampling:
        known = {
            task.name: task.stop
            for task in self.tasks
            if prompt.retrieval_query or task.template == prompt.template
        }
        if sampling.stop or prompt.task not in known:
            return sampling
        return sampling.model_copy(update={"stop": known[prompt.task]})

    def _task(self, prompt: Prompt) -> Task | None:
        if prompt.template not in {TEMPLATE, RUNNING_TEXT}:
            return None
        if not prompt.task:
            return self.tasks[0] if len(self.tasks) == 1 else None
        for task in self.tasks:
            if task.name == prompt.task:
                return task
        names = ", ".join(task.name for task in self.tasks)
        raise ConfigError(f"no task is called '{prompt.task}'; there are {names}")


def _recognised(text: Prompt, task: Task) -> Prompt:
    """Running text as a question of a task, if it is one; an answer may follow it.

    Of several questions with answers, as worked examples stand before one, the last is meant.
    """
    head, tail = as_text(Prompt("|")).split("|")
    last = text.question.rpartition(f"\n\n{head}")[2].removeprefix(head)
    question, is_asked, _ = last.partition(tail)
    is_laid_out = is_asked and question and text.question.startswith(head)
    if not is_laid_out or task.template != TEMPLATE:
        return text
    return text.with_parts(
        task=task.name, instruction=text.instruction or task.instruction, retrieval_query=question
    )


def with_task_prompts(model: Model, tasks: Sequence[Task]) -> Model:
    """A model that answers questions of these tasks; itself, where there are none."""
    return TaskPrompts(model, tuple(tasks)) if tasks else model
