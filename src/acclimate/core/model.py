"""What a model is: anything that answers prompts and weighs continuations."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from acclimate.core.prompt import Passage, Prompt
from acclimate.core.record import Record

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
    min_p: float = Field(default=0.0, ge=0.0, le=1.0)
    """Keep tokens at least this share as likely as the likeliest (Nguyen et al. 2024)."""
    repetition_penalty: float = Field(default=1.0, gt=0.0)
    """Divide scores of tokens that were read or written, where above 0, else multiply them (Keskar
    et al. 2019); 1 does nothing."""
    stop: tuple[str, ...] = ()
    """The answer ends before any of these."""
    choice: tuple[str, ...] = ()
    """The answer is one of these, word for word; none: any answer."""
    regex: str = ""
    """The answer matches this regular expression whole."""
    json_schema: str = ""
    """The answer is JSON of this schema, itself as JSON text; `{}` allows any JSON."""
    logprobs: int | None = Field(default=None, ge=0, le=20)
    """Tell each token's log-probability and so many of the likeliest there; None: neither."""
    seed: int = 0
    """Of the draw; with the prompt's place among those asked at once, it decides every draw."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer, as it was drawn."""

    text: str
    logprob: float
    """Of the token under the model's own distribution, nats."""
    likeliest: tuple[tuple[str, float], ...] = ()
    """Tokens in its place and their log-probabilities, likeliest first."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer."""

    text: str
    num_prompt_tokens: int = 0
    num_new_tokens: int = 0
    num_cached_tokens: int = field(default=0, compare=False)
    """Of the prompt's tokens, those whose keys and values were there already; all of them where
    the whole answer was. What it says stays the same, so that no two answers differ by it."""
    is_cut: bool = False
    """Whether it ended because it was as long as was allowed."""
    tokens: tuple[Token, ...] = ()
    """Where log-probabilities were asked for."""
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

    kind: ClassVar[str] = ""
    """What a saved one is found by, whatever becomes of its file; each class has its own. Without
    one it is found by its module and name, as those of users are."""

    @abstractmethod
    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer each prompt, in order."""

    @abstractmethod
    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Weigh each continuation after its prompt, in order."""

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """Pieces of one answer as they are written, and at the end the whole of it.

        The pieces, joined, are the text; a model that knows its answer only at the end gives it in
        one piece. Who stops listening closes the iterator, and nothing more is written.
        """
        (answer,) = self.generate([prompt], sampling)
        yield answer.text
        yield answer

    @property
    def capabilities(self) -> frozenset[str]:
        """What methods may ask of it: `logprobs`, `weights`."""
        return frozenset({"logprobs"})

    @property
    def answerable_items(self) -> frozenset[str] | None:
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
    def capabilities(self) -> frozenset[str]:
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
