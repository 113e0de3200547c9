"""A model that reads passages of the user's documents before it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from acclimate.core.model import Completion, LogLikelihood, Model, NeuralModel, Pair, Sampling
from acclimate.core.prompt import Passage, Prompt
from acclimate.core.rewriter import PromptRewriter, unwrap
from acclimate.data.prompt_template import checked_template
from acclimate.retrieval.passage_index import How, PassageIndex

_FOLDER = "index"
"""Of the index, in the folder of a saved model."""

A = TypeVar("A", Completion, LogLikelihood)


@dataclass(frozen=True)
class RagModel(PromptRewriter):
    """Puts the best passages for each question into its prompt, and names them with the answer."""

    kind: ClassVar[str] = "rag"

    index: PassageIndex
    """What is searched; the query is the question alone."""
    num_passages: int
    """At most this many are added to a prompt."""
    how: How
    """By words, by vectors, or both."""
    template: str = ""
    """Jinja layout of the whole prompt; empty keeps the prompt's own."""

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add passages, best first, after those that another method put there."""
        queries = list(dict.fromkeys(prompt.query for prompt in prompts))
        found = self.index.search(queries, num_passages=self.num_passages, how=self.how)
        passages = dict(zip(queries, found, strict=True))
        return [self._with(prompt, passages[prompt.query]) for prompt in prompts]

    def _with(self, prompt: Prompt, found: Sequence[Passage]) -> Prompt:
        passages = tuple(dict.fromkeys((*prompt.passages, *found)))
        return prompt.with_parts(passages=passages, template=self.template or prompt.template)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer, each with the passages it rests on."""
        rendered = self.render(prompts)
        answers = self.inner.generate(rendered, sampling)
        return [self.finish(a) for a in self._cited(answers, rendered)]

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """As it is written inside; the whole comes with the passages it rests on."""
        (rendered,) = self.render([prompt])
        for piece in self.inner.stream(rendered, sampling):
            yield piece if isinstance(piece, str) else self._cited([piece], [rendered])[0]

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Weigh continuations, each with the passages that its prompt showed."""
        rendered = self.render([prompt for prompt, _ in pairs])
        asked = [(prompt, text) for prompt, (_, text) in zip(rendered, pairs, strict=True)]
        return self._cited(self.inner.loglikelihood(asked), rendered)

    def _cited(self, answers: Sequence[A], rendered: Sequence[Prompt]) -> list[A]:
        """Answers with what they rest on; a network says itself what its window left of it."""
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
    """Refuse a layout that cannot show what was found; an empty one keeps the task's.

    Raises:
        ConfigError: It is malformed, never shows them or the question, or names what there is not.
    """
    checked_template(template, "passages", "question")
