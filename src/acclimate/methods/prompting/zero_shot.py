"""Ask the question as it is, or in words of your own."""

from typing import ClassVar

from acclimate.core.data import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.text.instruction import WithInstruction


class ZeroShot(Method):
    """No example, only an instruction (Brown et al. 2020, section 2)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2005.14165"

    instruction: str = ""
    """Said before the question; empty keeps the task's."""
    template: str = ""
    """Jinja layout of the whole prompt; empty keeps the task's."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Put the words before the base; with none of one's own that is the base as it is."""
        return WithInstruction(base, self.instruction, self.template)
