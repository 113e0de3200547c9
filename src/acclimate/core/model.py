"""What a model is: anything that answers prompts and weighs continuations."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from acclimate.core.data import Record
from acclimate.core.prompt import Passage, Prompt

NOT_ANSWERED_LOGPROB = -1e6
"""Nats of a choice that was not answered, where only the answer is known; finite, so that sums
and means stay numbers."""


class Sampling(Record):
    """How an answer is drawn."""

    max_new_tokens: int = Field(default=32, ge=1)
    """The longest answer."""
    temperature: float = Field(default=0.0, ge=0.0)
    """0 is greedy; 1 is the model's own distribution."""
    top_k: int = Field(default=0, ge=0)
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Keep the smallest set of tokens with this much probability."""
    stop: tuple[str, ...] = ()
    """The answer ends before any of these."""
    seed: int = 0
    """Of the draw."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer."""

    text: str
    num_prompt_tokens: int = 0
    num_new_tokens: int = 0
    passages: tuple[Passage, ...] = ()
    """What the answer rests on, best first."""
    prompt: str = ""
    """What the model read, laid out."""
    usd: float | None = None
    """What was paid for it, where somebody else's price was."""
    seconds: float | None = None
    """How long it took, where that was recorded elsewhere."""
    logprob: float | None = None
    """Of the text, nats, where it is known without weighing it."""


@dataclass(frozen=True, slots=True)
class LogLikelihood:
    """How likely a continuation is after its prompt."""

    logprob: float
    """Sum over the continuation's tokens, nats."""
    num_tokens: int
    """Tokens in the continuation."""
    num_bytes: int
    """UTF-8 bytes in the continuation."""
    passages: tuple[Passage, ...] = ()
    """What the prompt showed, best first."""

    @property
    def per_byte(self) -> float:
        """Nats a UTF-8 byte, by which choices are compared."""
        return self.logprob / max(1, self.num_bytes)


Pair = tuple[Prompt, str]


class Model(ABC):
    """Anything that answers. Weights are not part of the contract."""

    @abstractmethod
    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer each prompt, in order."""

    @abstractmethod
    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Weigh each continuation after its prompt, in order."""

    @property
    def offers(self) -> frozenset[str]:
        """What methods may ask of it: `logprobs`, `weights`."""
        return frozenset({"logprobs"})

    @property
    def known_items(self) -> frozenset[str] | None:
        """Ids of the items that it has answers to; None: it answers any question."""
        return None

    def recorded_seconds(self, prompts: Sequence[Prompt]) -> list[float] | None:
        """What each answer took where it was made; None: answers are made here and now.

        An empty list says that they were made elsewhere and nobody took the time.
        """
        return None

    @property
    def children(self) -> Mapping[str, "Model"]:
        """The models it is made of, by the name of the field that holds them."""
        return {}

    def write(self, folder: Path) -> dict[str, Any]:
        """Write own files (not the children's); return plain fields that rebuild it."""
        raise NotImplementedError(f"{type(self).__name__} cannot be saved")

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, "Model"]) -> Self:
        """Rebuild what `write` wrote."""
        raise NotImplementedError(f"{cls.__name__} cannot be loaded")


class NeuralModel(Model):
    """A Model with weights that methods may read and change copies of."""

    network: Any
    """A torch module of a transformers class."""
    tokenizer: Any
    """A transformers fast tokenizer."""

    @property
    def offers(self) -> frozenset[str]:
        """Log-probabilities and weights."""
        return frozenset({"logprobs", "weights"})

    @abstractmethod
    def next_token_logprobs(self, prompts: Sequence[Prompt]) -> Any:
        """Log-probabilities of the next token, nats; a tensor of shape (B, V)."""

    @abstractmethod
    def with_network(self, network: Any) -> "NeuralModel":
        """The same model around another network of the same tokenizer."""

    def route(self, prompt: Prompt) -> int | None:
        """Which of its network's adapters a prompt goes through; None: there is only one way."""
        return None

    @abstractmethod
    def encode(self, prompt: Prompt, continuation: str = "") -> tuple[list[int], list[int]]:
        """Token ids of the laid-out prompt, cut to fit, and of the continuation."""
