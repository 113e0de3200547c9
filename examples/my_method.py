"""Say the question twice, so that a small model reads it again."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import PromptRewriter


class MyMethod(Method):
    """Re-reading (Xu et al. 2024): the question stands in the prompt more than once."""

    times: int = Field(default=2, ge=1)
    """How often the question is said; the paper finds 2 best."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Wrap the base; nothing is learned."""
        return ReRead(base, self.times)


@dataclass(frozen=True)
class ReRead(PromptRewriter):
    """The model that comes out: it rewrites each prompt for the one inside."""

    times: int

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Prompts with the question repeated."""
        again = " Read the question again: "
        return [p.with_parts(question=again.join([p.question] * self.times)) for p in prompts]
