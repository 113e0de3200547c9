"""A network whose answers are guessed ahead, several tokens checked in one pass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch

from acclimate.core.errors import BackendError
from acclimate.core.model import Completion, LogLikelihood, Model, NeuralModel, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.inference.engine.draft_length import Drafter, Speculation
from acclimate.inference.local_model import Generation, LocalModel
from acclimate.inference.sampling.speculative_acceptance import StepTimes
from acclimate.inference.speculative.draft_model import DraftNetwork
from acclimate.inference.speculative.prompt_lookup import PromptLookup


@dataclass(frozen=True, eq=False)
class SpeculativeModel(NeuralModel):
    """Answers as the model inside, only sooner."""

    inner: LocalModel
    how: Speculation
    draft: LocalModel | None = None
    """What guesses; None: it is looked up."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer side by side with whoever asks the same network."""
        return Generation(self.inner, prompts, sampling, self._how).answers() if prompts else []

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """The text as it is written, in pieces of several tokens where guesses were right."""
        return Generation(self.inner, [prompt], sampling, self._how).pieces()

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """The inner model's, which reads all at once anyway."""
        return self.inner.loglikelihood(pairs)

    def next_token_logprobs(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """The inner model's."""
        return self.inner.next_token_logprobs(prompts)

    def encode(self, prompt: Prompt, continuation: str = "") -> tuple[list[int], list[int]]:
        """The inner model's."""
        return self.inner.encode(prompt, continuation)

    def route(self, prompt: Prompt) -> int | None:
        """The inner model's."""
        return self.inner.route(prompt)

    def with_network(self, network: Any) -> NeuralModel:
        """The inner model around another network, for which nothing has been measured."""
        return self.inner.with_network(network)

    @cached_property
    def _how(self) -> Speculation:
        return replace(self.how, ends=stop_ids(self.network, self.tokenizer))

    @property
    def network(self) -> Any:  # type: ignore[override]
        """The inner model's."""
        return self.inner.network

    @property
    def tokenizer(self) -> Any:  # type: ignore[override]
        """The inner model's."""
        return self.inner.tokenizer

    @property
    def capabilities(self) -> frozenset[str]:
        """Not the weights: what guesses and how well was measured on them as they are."""
        return self.inner.capabilities - {"weights"}

    @property
    def children(self) -> Mapping[str, Model]:
        """What answers, and what guesses."""
        return {"inner": self.inner, **({"draft": self.draft} if self.draft else {})}

    def write(self, folder: Path) -> dict[str, Any]:
        """What was measured, and how guesses are looked up."""
        how = self.how
        found = how.drafter
        sizes = [found.longest, found.shortest] if isinstance(found, PromptLookup) else []
        return {
            "ngram_sizes": sizes,
            "choices": list(how.choices),
            "acceptance": how.acceptance,
            "draft_cost": how.pace.draft,
            "pass_costs": [list(own) for own in how.pace.passes],
        }

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild from them.

        Raises:
            BackendError: One of the models inside is no local network.
        """
        inner, draft = children["inner"], children.get("draft")
        if not isinstance(inner, LocalModel) or not isinstance(draft, LocalModel | None):
            raise BackendError(f"{folder}: guesses ahead for a model that is no local network")
        passes = tuple((int(size), float(cost)) for size, cost in fields["pass_costs"])
        how = Speculation(
            drafter_of(draft, fields["ngram_sizes"]),
            tuple(fields["choices"]),
            fields["acceptance"],
            StepTimes(fields["draft_cost"], passes),
        )
        return cls(inner, how, draft)


def drafter_of(draft: LocalModel | None, ngram_sizes: Sequence[int]) -> Drafter:
    """A network's guesses, or what followed so many tokens before, from the most to the least."""
    if draft is not None:
        return DraftNetwork(draft.network, draft.window)
    longest, shortest = ngram_sizes
    return PromptLookup(longest, shortest)
