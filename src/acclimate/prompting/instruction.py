"""An instruction or a prompt template that replaces the task's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import PromptRewriter


@dataclass(frozen=True)
class InstructionModel(PromptRewriter):
    """Replaces instruction and template of every prompt; empty ones leave the task's."""

    kind: ClassVar[str] = "instruction"

    instruction: str
    template: str

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts with the new instruction and template."""
        return [
            p.with_parts(
                instruction=self.instruction or p.instruction,
                template=self.template or p.template,
            )
            for p in prompts
        ]
