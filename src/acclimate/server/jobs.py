"""The work of one request: prompts to answer, and the answers as they come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.server.limits import Limits
from acclimate.server.prompts import chat_prompt, each, running_prompt
from acclimate.server.sampling import limits_for, longest, number_of, sampling_of
from acclimate.server.schemas import ChatRequest, CompletionRequest

Made = str | Completion
"""A piece of the only answer, or an answer that is done; those of several come in order."""


@dataclass(frozen=True)
class Job:
    """What is to be answered, and how."""

    work: Callable[[], Iterator[Made]]
    """Run in a thread of its own."""
    num_each: int = 1
    """Answers to each prompt, which stand together."""
    has_logprobs: bool = False
    """Whether the answers tell their tokens."""


def chat_job(model: Model, asked: ChatRequest, limits: Limits) -> Job:
    """Answer a dialogue.

    Raises:
        RefusedError: It cannot be asked so.
    """
    sampling = sampling_of(asked, limits_for(model, asked.task or "", limits))
    num_each = number_of(asked, 1, limits)
    prompt = chat_prompt(model, asked.messages, asked.task or "")
    return Job(
        lambda: answers(model, [prompt] * num_each, sampling),
        num_each,
        sampling.logprobs is not None,
    )


def completion_job(model: Model, asked: CompletionRequest, limits: Limits) -> Job:
    """Go on with texts.

    Raises:
        RefusedError: It cannot be asked so.
    """
    texts = each(asked.prompt)
    sampling = sampling_of(asked, limits)
    num_each = number_of(asked, len(texts), limits)
    num_tokens = longest(asked, limits)

    def work() -> Iterator[Made]:
        asked_texts = [text for text in texts for _ in range(num_each)]
        prompts = [running_prompt(model, text, asked.task or "") for text in asked_texts]
        if not asked.echo:
            return answers(model, prompts, sampling)
        # Weighing texts takes torch, which answering through another engine does not.
        from acclimate.server.echo import echoed

        return echoed(model, list(zip(prompts, asked_texts, strict=True)), sampling, num_tokens)

    return Job(work, num_each, sampling.logprobs is not None)


def answers(model: Model, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[Made]:
    """One answer as it is written, several when all are done."""
    if len(prompts) == 1:
        yield from model.stream(prompts[0], sampling)
    else:
        yield from model.generate(prompts, sampling)
