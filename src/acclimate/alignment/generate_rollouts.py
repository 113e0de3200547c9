"""Answers drawn from a model, as the tokens it read and wrote."""

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
    """An answer."""

    context: list[int]
    """Token ids that were read."""
    written: list[int]
    """Token ids that were written, the end among them."""
    text: str
    """What they say, without the end."""
    route: int | None
    """Of the network's adapters, where there are several."""


def generate_rollouts(
    model: LocalModel, asked: Sequence[tuple[Prompt, Sampling]], *, seed: int = 0
) -> list[DrawnAnswer]:
    """An answer to each prompt, in order; those drawn alike go together.

    Args:
        model: What answers.
        asked: Prompts, each with how its answer is drawn; the seeds there are passed over.
        seed: Of all draws.
    """
    found: dict[int, DrawnAnswer] = {}
    for sampling in dict.fromkeys(sampling for _, sampling in asked):
        places = [i for i, (_, own) in enumerate(asked) if own == sampling]
        seeded = sampling.model_copy(update={"seed": seed})
        drawn = _drawn(model, [asked[i][0] for i in places], seeded)
        found |= dict(zip(places, drawn, strict=True))
    return [found[i] for i in range(len(asked))]


def _drawn(model: LocalModel, prompts: Sequence[Prompt], sampling: Sampling) -> list[DrawnAnswer]:
    room = model.prompt_tokenizer.reserve(sampling.max_new_tokens)
    contexts = [model.prompt_tokenizer.fitted(prompt, room)[1] for prompt in prompts]
    routes = [model.route(prompt) for prompt in prompts]
    ending = StopCondition(model.tokenizer, sampling, stop_ids(model.network, model.tokenizer))
    how: dict[str, Any] = {"routes": routes, "window": model.window}
    answers = decode(model.network, contexts, sampling, is_stop=ending.is_met, **how)
    return [
        DrawnAnswer(context, written, ending.text(written), route)
        for context, written, route in zip(contexts, answers, routes, strict=True)
    ]
