"""Few-shot prompting: several worked examples before the question."""

from typing import ClassVar

from pydantic import Field, field_validator

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.data.prompt_template import checked_template
from acclimate.prompting.demonstrations import FewShotModel, Selection, all_examples, draw_examples


class FewShot(Method):
    """In-context learning from examples of the same task (Brown et al. 2020, section 2)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2005.14165"
    needs: ClassVar[frozenset[str]] = frozenset({"train_items"})

    num_shots: int = Field(default=4, ge=1)
    """Examples in each prompt; beyond four to eight the paper's curves flatten."""
    selection: Selection = "random"
    """`random`: one draw for all questions; `nearest`: the training items most like each."""
    template: str = ""
    """Jinja layout of the whole prompt; empty keeps the task's."""

    @field_validator("template")
    @classmethod
    def _shows(cls, template: str) -> str:
        return checked_template(template, "examples", "question")

    @property
    def depends_on_seed(self) -> bool:
        """True for a random selection; the nearest examples do not depend on it."""
        return self.selection == "random"

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Draw the examples once, or keep all to find the nearest."""
        pool = draw_examples(data, self.num_shots, seed)
        pool = pool if self.selection == "random" else all_examples(data)
        return FewShotModel(base, pool, self.num_shots, self.selection, self.template)
