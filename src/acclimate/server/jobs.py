"""The work of one request: prompts to answer, and the answers as they come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from acclimate.core.model import Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.server.limits import Limits
from acclimate.server.openai.prompts import chat_prompt, each, running_prompt
from acclimate.server.openai.requests import ChatRequest, CompletionRequest
from acclimate.server.openai.responses import AnswerPiece
from acclimate.server.openai.sampling_params import longest, number_of, own_length, sampling_from


class ServerJob(Protocol):
    """What is to be done, as plain data: systems may live in another process."""

    def pieces(self, systems: Mapping[str, Model], limits: Limits) -> Iterator[Any]:
        """Run it, in a thread of its own, and yield its pieces as they come.

        Raises:
            ApiError: It cannot be done so.
        """


@dataclass(frozen=True)
class ChatJob:
    """A dialogue to answer."""

    asked: ChatRequest
    sampling: Sampling
    num_each: int
    """Answers, which stand together."""

    @classmethod
    def of(cls, body: ChatRequest, limits: Limits) -> "ChatJob":
        """The work of a request.

        Raises:
            ApiError: It asks for more than the limits allow.
        """
        return cls(body, sampling_from(body, limits), number_of(body, 1, limits))

    def pieces(self, systems: Mapping[str, Model], limits: Limits) -> Iterator[AnswerPiece]:
        """Yield the answers to the dialogue."""
        model, task = systems[self.asked.model], self.asked.task or ""
        sampling = own_length(self.asked, self.sampling, model, limits)
        prompt = chat_prompt(model, self.asked.messages, task)
        return generate_pieces(model, [prompt] * self.num_each, sampling)


@dataclass(frozen=True)
class CompletionJob:
    """Texts to go on with."""

    asked: CompletionRequest
    sampling: Sampling
    num_each: int
    """Answers to each text, which stand together."""

    @classmethod
    def of(cls, body: CompletionRequest, limits: Limits) -> "CompletionJob":
        """The work of a request.

        Raises:
            ApiError: It asks for more than the limits allow.
        """
        num_each = number_of(body, len(each(body.prompt)), limits)
        return cls(body, sampling_from(body, limits), num_each)

    def pieces(self, systems: Mapping[str, Model], limits: Limits) -> Iterator[AnswerPiece]:
        """Yield the continuations of the texts."""
        model, task = systems[self.asked.model], self.asked.task or ""
        texts = [text for text in each(self.asked.prompt) for _ in range(self.num_each)]
        prompts = [running_prompt(model, text, task) for text in texts]
        if not self.asked.echo:
            return generate_pieces(model, prompts, self.sampling)
        # Weighing texts takes torch, which answering through another engine does not.
        from acclimate.server.openai.prompt_echo import echoed

        num_tokens = longest(self.asked, limits)
        return echoed(model, list(zip(prompts, texts, strict=True)), self.sampling, num_tokens)


def generate_pieces(
    model: Model, prompts: Sequence[Prompt], sampling: Sampling
) -> Iterator[AnswerPiece]:
    """One answer as it is written, several when all are done."""
    if len(prompts) == 1:
        yield from model.stream(prompts[0], sampling)
    else:
        yield from model.generate(prompts, sampling)
