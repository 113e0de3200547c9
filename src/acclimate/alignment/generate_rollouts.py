"""Answers sampled from a model, as prompt and answer token ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.inference.generate import decode
from acclimate.inference.local_model import LocalModel
from acclimate.inference.stop_strings import StopCondition


@dataclass(frozen=True, slots=True)
class DrawnAnswer:
    """A sampled answer."""

    prompt_ids: list[int]
    """Token ids of the prompt."""
    answer_ids: list[int]
    """Token ids of the answer, the end among them."""
    text: str
    """Text of the answer, without the end."""
    route: int | None
    """Which of the network's adapters it went through, where there are several."""


def generate_rollouts(
    model: LocalModel, requests: Sequence[tuple[Prompt, Sampling]], *, seed: int = 0
) -> list[DrawnAnswer]:
    """An answer to each prompt, in order; prompts with equal sampling are decoded together.

    Args:
        model: Samples the answers.
        requests: Prompts, each with the sampling of its answer; the seeds there are ignored.
        seed: Of all answers.
    """
    answers: dict[int, DrawnAnswer] = {}
    for sampling in dict.fromkeys(sampling for _, sampling in requests):
        indices = [i for i, request in enumerate(requests) if request[1] == sampling]
        seeded = sampling.model_copy(update={"seed": seed})
        drawn = _draw(model, [requests[i][0] for i in indices], seeded)
        answers |= dict(zip(indices, drawn, strict=True))
    return [answers[i] for i in range(len(requests))]


def _draw(model: LocalModel, prompts: Sequence[Prompt], sampling: Sampling) -> list[DrawnAnswer]:
    room = model.prompt_tokenizer.reserve(sampling.max_new_tokens)
    contexts = [model.prompt_tokenizer.fitted(prompt, room)[1] for prompt in prompts]
    routes = [model.route(prompt) for prompt in prompts]
    stop = StopCondition(model.tokenizer, sampling, stop_ids(model.network, model.tokenizer))
    options: dict[str, Any] = {"routes": routes, "window": model.window}
    answers = decode(model.network, contexts, sampling, is_stop=stop.is_met, **options)
    return [
        DrawnAnswer(context, written, stop.text(written), route)
        for context, written, route in zip(contexts, answers, routes, strict=True)
    ]
