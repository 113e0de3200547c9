"""Few-shot chain of thought with a second pass that extracts the answer."""

from typing import ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.prompting.chain_of_thought import ANSWER_CUE, CUE, ChainOfThoughtModel
from acclimate.prompting.demonstrations import FewShotModel, Selection, all_examples, draw_examples


class FewShotChainOfThought(Method):
    """Few-shot chain of thought (Wei et al. 2022) with a pass that extracts the answer.

    Differs: training items without a rationale are shown with the cues alone, so that any
    data will do.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2201.11903"
    needs: ClassVar[frozenset[str]] = frozenset({"train_items"})

    num_shots: int = Field(default=4, ge=1)
    """Examples in each prompt; the paper shows eight, with long contexts."""
    selection: Selection = "random"
    """`random`: one draw for all questions; `nearest`: the training items most like each."""
    cue: str = Field(default=CUE, min_length=1)
    """What the reasoning begins with."""
    answer_cue: str = Field(default=ANSWER_CUE, min_length=1)
    """What the answer follows."""
    max_rationale_tokens: int = Field(default=64, ge=1)
    """The longest reasoning."""

    @property
    def depends_on_seed(self) -> bool:
        """True for a random selection; the nearest examples do not depend on it."""
        return self.selection == "random"

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Examples outside, reasoning inside: the cues then stand in the examples too."""
        pool = draw_examples(data, self.num_shots, seed)
        pool = pool if self.selection == "random" else all_examples(data)
        reasoning = ChainOfThoughtModel(base, self.cue, self.answer_cue, self.max_rationale_tokens)
        return FewShotModel(reasoning, pool, self.num_shots, self.selection)
