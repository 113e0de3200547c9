"""Models that rewrite prompts for the one inside, and how to take them off."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt


@dataclass(frozen=True)
class PromptRewriter(Model):
    """A Model that rewrites prompts for the one inside it (few-shot, retrieval, reasoning)."""

    inner: Model

    @abstractmethod
    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts as the inner model shall see them, in order."""

    def around(self, inner: Model) -> "PromptRewriter":
        """The same rewriting around another model."""
        return replace(self, inner=inner)

    def finish(self, completion: Completion) -> Completion:
        """The answer as it leaves this model."""
        return completion

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Rewrite, answer inside, finish."""
        return [self.finish(c) for c in self.inner.generate(self.render(prompts), sampling)]

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """Stream from the inner model, where answers are not changed after it."""
        if type(self).finish is not PromptRewriter.finish:
            yield from super().stream(prompt, sampling)
            return
        (rendered,) = self.render([prompt])
        yield from self.inner.stream(rendered, sampling)

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Rewrite each distinct prompt once, weigh inside."""
        distinct = list(dict.fromkeys(prompt for prompt, _ in pairs))
        rendered = dict(zip(distinct, self.render(distinct), strict=True))
        return self.inner.loglikelihood([(rendered[prompt], text) for prompt, text in pairs])

    def write(self, folder: Path) -> dict[str, Any]:
        """Every field of the dataclass but the inner model; they must be plain data."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "inner"}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from those fields."""
        return cls(children["inner"], **fields)

    @property
    def capabilities(self) -> frozenset[str]:
        """Whatever the inner model offers."""
        return self.inner.capabilities

    @property
    def children(self) -> Mapping[str, Model]:
        """The model inside."""
        return {"inner": self.inner}


@dataclass(frozen=True)
class Unwrapped:
    """A model taken apart: the rewriters from the outside in, and what they stand around."""

    core: Model
    rewriters: tuple[PromptRewriter, ...] = ()

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Prompts as the core sees them."""
        rendered = list(prompts)
        for rewriter in self.rewriters:
            rendered = rewriter.render(rendered)
        return rendered

    def rewrap(self, core: Model) -> Model:
        """The same rewriters around another core."""
        for rewriter in reversed(self.rewriters):
            core = rewriter.around(core)
        return core


def unwrap(model: Model) -> Unwrapped:
    """Take the rewriters off a model."""
    rewriters: list[PromptRewriter] = []
    while isinstance(model, PromptRewriter):
        rewriters.append(model)
        model = model.inner
    return Unwrapped(model, tuple(rewriters))
