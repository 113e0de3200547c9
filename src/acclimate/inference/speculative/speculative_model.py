"""A local model that answers by speculative decoding."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

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
    """Gives the same answers as the model inside, sooner."""

    kind: ClassVar[str] = "speculative"

    inner: LocalModel
    speculation: Speculation
    draft: LocalModel | None = None
    """The draft model; None: prompt lookup drafts."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer in one batch with other requests to the same network."""
        return (
            Generation(self.inner, prompts, sampling, self._speculation).answers()
            if prompts
            else []
        )

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """The text as it is written, in pieces of several tokens where drafts are accepted."""
        return Generation(self.inner, [prompt], sampling, self._speculation).pieces()

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
    def _speculation(self) -> Speculation:
        return replace(self.speculation, ends=stop_ids(self.network, self.tokenizer))

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
        """Without the weights: drafting was measured on them as they are."""
        return self.inner.capabilities - {"weights"}

    @property
    def children(self) -> Mapping[str, Model]:
        """The target model, and the draft model where there is one."""
        return {"inner": self.inner, **({"draft": self.draft} if self.draft else {})}

    def write(self, folder: Path) -> dict[str, Any]:
        """Save what was measured, and the n-grams of prompt lookup."""
        speculation = self.speculation
        drafter = speculation.drafter
        sizes = [drafter.longest, drafter.shortest] if isinstance(drafter, PromptLookup) else []
        return {
            "ngram_sizes": sizes,
            "choices": list(speculation.choices),
            "acceptance": speculation.acceptance,
            "draft_cost": speculation.pace.draft,
            "pass_costs": [list(pair) for pair in speculation.pace.passes],
        }

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Load what `write` saved.

        Raises:
            BackendError: One of the models inside is no local network.
        """
        inner, draft = children["inner"], children.get("draft")
        if not isinstance(inner, LocalModel) or not isinstance(draft, LocalModel | None):
            raise BackendError(f"{folder}: guesses ahead for a model that is no local network")
        passes = tuple((int(size), float(cost)) for size, cost in fields["pass_costs"])
        speculation = Speculation(
            drafter_of(draft, fields["ngram_sizes"]),
            tuple(fields["choices"]),
            fields["acceptance"],
            StepTimes(fields["draft_cost"], passes),
        )
        return cls(inner, speculation, draft)


def drafter_of(draft: LocalModel | None, ngram_sizes: Sequence[int]) -> Drafter:
    """The draft model's drafter, or prompt lookup with the longest and the shortest n-gram."""
    if draft is not None:
        return DraftNetwork(draft.network, draft.window)
    longest, shortest = ngram_sizes
    return PromptLookup(longest, shortest)
