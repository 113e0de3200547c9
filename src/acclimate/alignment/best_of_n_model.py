"""A model that answers with the best of several samples under a reward model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from acclimate.alignment.reward_model import rewards
from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.seeding import derive


@dataclass(frozen=True, eq=False)
class BestOf(Model):
    """Answers with the best of several samples; log-likelihoods are those of the inner model."""

    kind: ClassVar[str] = "best_of_n"

    inner: Model
    judge: Model
    """The reward model."""
    num_samples: int
    temperature: float

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """The best sample for each prompt; samples depend on it and the seed, not on the batch."""
        return [self._best(prompt, sampling) for prompt in prompts]

    def _best(self, prompt: Prompt, sampling: Sampling) -> Completion:
        seed = derive(sampling.seed, prompt)
        draw_settings = sampling.model_copy(update={"temperature": self.temperature, "seed": seed})
        answers = self.inner.generate([prompt] * self.num_samples, draw_settings)
        scores = rewards(self.judge, [(prompt, answer.text) for answer in answers])
        return answers[max(range(len(answers)), key=scores.__getitem__)]

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """The inner model's log-likelihoods."""
        return self.inner.loglikelihood(pairs)

    @property
    def capabilities(self) -> frozenset[str]:
        """Those of the inner model but `weights`: tuned ones would not be those it samples from."""
        return self.inner.capabilities - {"weights"}

    @property
    def children(self) -> Mapping[str, Model]:
        """The model that samples, and the reward model."""
        return {"inner": self.inner, "judge": self.judge}

    def write(self, folder: Path) -> dict[str, Any]:
        """The two numbers; the models inside save themselves."""
        return {"num_samples": self.num_samples, "temperature": self.temperature}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from the saved numbers and the models inside."""
        return cls(children["inner"], children["judge"], **fields)
