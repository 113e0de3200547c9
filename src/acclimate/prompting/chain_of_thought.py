"""Reasoning before the answer: the model writes steps, then answers after them."""

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

# What follows is looked at, not taken, so that a later cue in the same line is found too.
_SAID = re.compile(r"\banswer\s+is\b:?\s*(?=(?P<answer>[^\s:].*))", re.IGNORECASE)


@dataclass(frozen=True)
class ChainOfThoughtModel(PromptRewriter):
    """Two passes: steps after `cue`, then the answer after `answer_cue`."""

    kind: ClassVar[str] = "chain_of_thought"

    cue: str
    answer_cue: str
    max_rationale_tokens: int

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Draw the steps as the answer is drawn, so that several draws differ in both."""
        answers = self.inner.generate(self._reasoned(prompts, sampling), sampling)
        return [self.finish(answer) for answer in answers]

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts with the inner model's likeliest steps as the start of the answer."""
        return self._reasoned(prompts, Sampling())

    def _reasoned(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Prompt]:
        asked = [p.with_parts(answer_prefix=self.cue, examples=self._worked(p)) for p in prompts]
        told = {"max_new_tokens": self.max_rationale_tokens, "stop": ("\n",)}
        steps = self.inner.generate(asked, sampling.model_copy(update=told))
        return [
            p.with_parts(answer_prefix=" ".join(filter(None, (self.cue, s.text, self.answer_cue))))
            for p, s in zip(asked, steps, strict=True)
        ]

    def finish(self, completion: Completion) -> Completion:
        """The answer alone, where the model says again that it is the answer."""
        return replace(completion, text=extracted(completion.text))

    def _worked(self, prompt: Prompt) -> Any:
        """Examples shown the way the answer shall be given: steps, then the answer cue."""
        return tuple(
            replace(e, rationale=" ".join(filter(None, (self.cue, e.rationale, self.answer_cue))))
            for e in prompt.examples
        )


def extracted(text: str) -> str:
    """What stands after the last `the answer is`, without a full stop; else the text itself."""
    found = list(_SAID.finditer(text))
    return (found[-1]["answer"].strip().rstrip(".") if found else text).strip()
