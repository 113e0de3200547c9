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
    """Answers with the best of several draws; weighs as the model inside does."""

    kind: ClassVar[str] = "best_of_n"

    inner: Model
    judge: Model
    """The reward model."""
    num_samples: int
    temperature: float

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Each prompt's draws follow from it and the seed alone, not from those asked beside it."""
        return [self._best(prompt, sampling) for prompt in prompts]

    def _best(self, prompt: Prompt, sampling: Sampling) -> Completion:
        seed = derive(sampling.seed, prompt)
        drawing = sampling.model_copy(update={"temperature": self.temperature, "seed": seed})
        drawn = self.inner.generate([prompt] * self.num_samples, drawing)
        found = rewards(self.judge, [(prompt, answer.text) for answer in drawn])
        return drawn[max(range(len(drawn)), key=found.__getitem__)]

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """The inner model's."""
        return self.inner.loglikelihood(pairs)

    @property
    def capabilities(self) -> frozenset[str]:
        """Not the inner weights: tuned, they would no longer be those that the draws come from."""
        return self.inner.capabilities - {"weights"}

    @property
    def children(self) -> Mapping[str, Model]:
        """What draws, and what judges."""
        return {"inner": self.inner, "judge": self.judge}

    def write(self, folder: Path) -> dict[str, Any]:
        """Numbers alone: the models inside save themselves."""
        return {"num_samples": self.num_samples, "temperature": self.temperature}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them."""
        return cls(children["inner"], children["judge"], **fields)
