"""Chain of thought: the model writes reasoning steps, then the answer after them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from acclimate.core.model import Completion, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import PromptRewriter

CUE = "Let's think step by step."
"""Kojima et al. 2022, table 4: the best of the cues compared there."""
ANSWER_CUE = "Therefore, the answer is"
"""Kojima et al. 2022, section 3: the second prompt, which extracts the answer."""

# The answer is matched by a lookahead, so that a later cue in the same line is found too.
_ANSWER_PHRASE = re.compile(r"\banswer\s+is\b:?\s*(?=(?P<answer>[^\s:].*))", re.IGNORECASE)


@dataclass(frozen=True)
class ChainOfThoughtModel(PromptRewriter):
    """Generates in two passes: reasoning after `cue`, then the answer after `answer_cue`."""

    kind: ClassVar[str] = "chain_of_thought"

    cue: str
    answer_cue: str
    max_rationale_tokens: int

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Sample the steps with the answer's sampling, so that several samples differ in both."""
        answers = self.inner.generate(self._with_rationale(prompts, sampling), sampling)
        return [self.finish(answer) for answer in answers]

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts with the inner model's likeliest steps as the start of the answer."""
        return self._with_rationale(prompts, Sampling())

    def _with_rationale(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Prompt]:
        cued = [p.with_parts(answer_prefix=self.cue, examples=self._with_cues(p)) for p in prompts]
        limits = {"max_new_tokens": self.max_rationale_tokens, "stop": ("\n",)}
        steps = self.inner.generate(cued, sampling.model_copy(update=limits))
        return [
            p.with_parts(answer_prefix=" ".join(filter(None, (self.cue, s.text, self.answer_cue))))
            for p, s in zip(cued, steps, strict=True)
        ]

    def finish(self, completion: Completion) -> Completion:
        """The answer alone, without a repeated `the answer is` before it."""
        return replace(completion, text=extract_answer(completion.text))

    def _with_cues(self, prompt: Prompt) -> Any:
        """The examples in the form of the answer: cue, rationale, answer cue."""
        return tuple(
            replace(e, rationale=" ".join(filter(None, (self.cue, e.rationale, self.answer_cue))))
            for e in prompt.examples
        )


def extract_answer(text: str) -> str:
    """The text after the last `the answer is`, without a full stop; else the text itself."""
    matches = list(_ANSWER_PHRASE.finditer(text))
    return (matches[-1]["answer"].strip().rstrip(".") if matches else text).strip()
