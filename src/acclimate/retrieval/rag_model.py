"""Retrieval-augmented generation: a model with retrieved passages in its prompts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from acclimate.core.model import Completion, LogLikelihood, Model, NeuralModel, Pair, Sampling
from acclimate.core.prompt import Passage, Prompt
from acclimate.core.rewriter import PromptRewriter, unwrap
from acclimate.data.prompt_template import checked_template
from acclimate.retrieval.passage_index import PassageIndex, SearchMode

_FOLDER = "index"
"""Of the index, in the folder of a saved model."""

A = TypeVar("A", Completion, LogLikelihood)


@dataclass(frozen=True)
class RagModel(PromptRewriter):
    """Adds the best passages for each question to its prompt, and cites them with the answer."""

    kind: ClassVar[str] = "rag"

    index: PassageIndex
    """The passages; the query is the question alone."""
    num_passages: int
    """At most this many are added to a prompt."""
    how: SearchMode
    """By words, by vectors, or both."""
    template: str = ""
    """Jinja layout of the whole prompt; empty keeps the prompt's own."""

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add passages, best first, after those that another method has added."""
        queries = list(dict.fromkeys(prompt.query for prompt in prompts))
        results = self.index.search(queries, num_passages=self.num_passages, mode=self.how)
        passages = dict(zip(queries, results, strict=True))
        return [self._with_passages(prompt, passages[prompt.query]) for prompt in prompts]

    def _with_passages(self, prompt: Prompt, retrieved: Sequence[Passage]) -> Prompt:
        passages = tuple(dict.fromkeys((*prompt.passages, *retrieved)))
        return prompt.with_parts(passages=passages, template=self.template or prompt.template)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer, each with the passages of its prompt."""
        rendered = self.render(prompts)
        answers = self.inner.generate(rendered, sampling)
        return [self.finish(a) for a in self._cited(answers, rendered)]

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """Pieces as the inner model generates them; the completion has the prompt's passages."""
        (rendered,) = self.render([prompt])
        for piece in self.inner.stream(rendered, sampling):
            yield piece if isinstance(piece, str) else self._cited([piece], [rendered])[0]

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Log-likelihoods of continuations, each with the passages of its prompt."""
        rendered = self.render([prompt for prompt, _ in pairs])
        rendered_pairs = [(prompt, text) for prompt, (_, text) in zip(rendered, pairs, strict=True)]
        return self._cited(self.inner.loglikelihood(rendered_pairs), rendered)

    def _cited(self, answers: Sequence[A], rendered: Sequence[Prompt]) -> list[A]:
        """Answers with their prompt's passages; a network reports those that fit its window."""
        if isinstance(unwrap(self).core, NeuralModel):
            return list(answers)
        return [
            answer if answer.passages else replace(answer, passages=prompt.passages)
            for answer, prompt in zip(answers, rendered, strict=True)
        ]

    def around(self, inner: Model) -> "RagModel":
        """The same passages for another model."""
        return replace(self, inner=inner)

    def write(self, folder: Path) -> dict[str, Any]:
        """Copy the index into the saved model."""
        self.index.copy(folder / _FOLDER)
        return {"num_passages": self.num_passages, "how": self.how, "template": self.template}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Open the index that lies in the saved model."""
        return cls(children["inner"], PassageIndex.open(folder / _FOLDER), **fields)


def check_template(template: str) -> None:
    """Refuse a template without passages or question; an empty one keeps the task's.

    Raises:
        ConfigError: It is malformed, lacks passages or question, or has unknown variables.
    """
    checked_template(template, "passages", "question")
