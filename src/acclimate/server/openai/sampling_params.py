"""From a request's fields to how its answers are drawn."""

import json
import secrets
from typing import Any

from pydantic import ValidationError

from acclimate.core.model import Model, Sampling
from acclimate.core.rewriter import unwrap
from acclimate.core.validation_messages import sentence
from acclimate.server.api_errors import ApiError
from acclimate.server.limits import Limits
from acclimate.server.openai.requests import (
    ChatRequest,
    ChoiceFormat,
    CompletionRequest,
    Format,
    GenerationRequest,
    JsonFormat,
    RegexFormat,
    SchemaFormat,
)
from acclimate.server.task_prompts import TaskPrompts

COMPLETION_TOKENS = 16
"""The longest answer of a completion that does not say, as OpenAI's."""
ANY_OBJECT = '{"type": "object"}'


def sampling_from(body: GenerationRequest, limits: Limits) -> Sampling:
    """How the answers to a request are drawn.

    Raises:
        ApiError: It asks for more than the limits allow.
    """
    chosen = {
        "temperature": body.temperature,
        "top_k": body.top_k,
        "top_p": body.top_p,
        "min_p": body.min_p,
        "repetition_penalty": body.repetition_penalty,
    }
    fields: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    seed = secrets.randbelow(2**31) if body.seed is None else body.seed
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
    try:
        return Sampling(
            max_new_tokens=max(1, longest(body, limits)),
            stop=tuple(stop),
            seed=seed,
            logprobs=_num_likeliest(body),
            **fields,
            **_constraint(body.response_format),
        )
    except ValidationError as error:
        raise ApiError(422, sentence("request", error, Sampling)) from None


def limits_for(model: Model, task: str, limits: Limits) -> Limits:
    """The same, where a chat that does not say how long answers as long as its task does.

    A study leaves so much room beside the prompt: with another, it could show other passages.

    Raises:
        ConfigError: A task that the domain has not.
    """
    lengths = [
        part.longest(task) for part in unwrap(model).rewriters if isinstance(part, TaskPrompts)
    ]
    length = next(filter(None, lengths), limits.default_new_tokens)
    return limits.model_copy(update={"default_new_tokens": min(length, limits.max_new_tokens)})


def own_length(
    body: GenerationRequest, sampling: Sampling, model: Model, limits: Limits
) -> Sampling:
    """The same sampling, with the model's own length where a chat gives none.

    Raises:
        ConfigError: A task that the domain has not.
    """
    if _told(body)[1] is not None:
        return sampling
    length = limits_for(model, body.task or "", limits).default_new_tokens
    return sampling.model_copy(update={"max_new_tokens": length})


def longest(body: GenerationRequest, limits: Limits) -> int:
    """Tokens of an answer at most; 0 only where a completion is asked for its echo alone.

    Raises:
        ApiError: More than the limits allow, or none.
    """
    name, length = _told(body)
    if length is None:
        is_chat = isinstance(body, ChatRequest)
        default = limits.default_new_tokens if is_chat else COMPLETION_TOKENS
        return min(default, limits.max_new_tokens)
    least = 0 if isinstance(body, CompletionRequest) and body.echo else 1
    if not least <= length <= limits.max_new_tokens:
        raise ApiError(
            422,
            f"{name}={length}, must be from {least} to {limits.max_new_tokens}",
            param=name,
        )
    return length


def _told(body: GenerationRequest) -> tuple[str, int | None]:
    """The field that says how long an answer may be, and what it says."""
    if not isinstance(body, ChatRequest) or body.max_completion_tokens is None:
        return "max_tokens", body.max_tokens
    if body.max_tokens not in {None, body.max_completion_tokens}:
        raise ApiError(
            422,
            f"max_tokens={body.max_tokens} and max_completion_tokens="
            f"{body.max_completion_tokens} are two names of one limit; give one of them",
            param="max_completion_tokens",
        )
    return "max_completion_tokens", body.max_completion_tokens


def number_of(body: GenerationRequest, num_prompts: int, limits: Limits) -> int:
    """Answers to each prompt.

    Raises:
        ApiError: More in all than the limits allow.
    """
    each = body.n or 1
    if each * num_prompts > limits.max_answers:
        raise ApiError(
            422,
            f"n={each} for {num_prompts} prompt{'s' * (num_prompts > 1)}, must come to at most "
            f"{limits.max_answers} answers; send several requests",
            param="n",
        )
    if isinstance(body, CompletionRequest) and body.best_of not in {None, each}:
        raise ApiError(422, f"best_of={body.best_of}, must be n={each}", param="best_of")
    return each


def _num_likeliest(body: GenerationRequest) -> int | None:
    if isinstance(body, ChatRequest):
        if body.top_logprobs and not body.logprobs:
            raise ApiError(422, "top_logprobs needs logprobs=true", param="top_logprobs")
        return (body.top_logprobs or 0) if body.logprobs else None
    return body.logprobs if isinstance(body, CompletionRequest) else None


def _constraint(wanted: Format | None) -> dict[str, Any]:
    if isinstance(wanted, JsonFormat):
        return {"json_schema": ANY_OBJECT}
    if isinstance(wanted, SchemaFormat):
        return {"json_schema": json.dumps(wanted.json_schema.schema_)}
    if isinstance(wanted, RegexFormat):
        return {"regex": wanted.regex}
    if isinstance(wanted, ChoiceFormat):
        return {"choice": tuple(wanted.choice)}
    return {}
