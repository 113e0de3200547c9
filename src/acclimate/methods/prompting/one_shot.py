"""One-shot prompting: one worked example before the question."""

from typing import ClassVar

from pydantic import field_validator

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.data.prompt_template import checked_template
from acclimate.prompting.demonstrations import FewShotModel, Selection, all_examples, draw_examples


class OneShot(Method):
    """In-context learning from a single example (Brown et al. 2020, section 2)."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2005.14165"
    needs: ClassVar[frozenset[str]] = frozenset({"train_items"})

    selection: Selection = "random"
    """`random`: one draw for all questions; `nearest`: the training item most like each."""
    template: str = ""
    """Jinja layout of the whole prompt; empty keeps the task's."""

    @field_validator("template")
    @classmethod
    def _shows(cls, template: str) -> str:
        return checked_template(template, "examples", "question")

    @property
    def depends_on_seed(self) -> bool:
        """True for a random selection; the nearest example does not depend on it."""
        return self.selection == "random"

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Draw the example once, or keep all to find the nearest."""
        pool = draw_examples(data, 1, seed) if self.selection == "random" else all_examples(data)
        return FewShotModel(base, pool, 1, self.selection, self.template)
