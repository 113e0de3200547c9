"""Zero-shot prompting: the question alone, with an instruction of your own."""

from typing import ClassVar

from pydantic import field_validator

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.data.prompt_template import checked_template
from acclimate.prompting.instruction import InstructionModel


class ZeroShot(Method):
    """No example, only an instruction (Brown et al. 2020, section 2)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2005.14165"

    instruction: str = ""
    """Said before the question; empty keeps the task's."""
    template: str = ""
    """Jinja layout of the whole prompt; empty keeps the task's."""

    @field_validator("template")
    @classmethod
    def _shows(cls, template: str) -> str:
        return checked_template(template, "question")

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Wrap the base; with an empty instruction and template it answers unchanged."""
        return InstructionModel(base, self.instruction, self.template)
