"""Parts that answers of every route have: usage, sources, log-probabilities."""

import math
from collections.abc import Sequence
from typing import Any

from acclimate.core.model import Completion, Token


def finish_reason(answer: Completion) -> str:
    """OpenAI's word for how it ended."""
    return "length" if answer.is_cut else "stop"


def usage(answers: Sequence[Completion], num_each: int) -> dict[str, Any]:
    """Tokens read and written; a prompt with several answers counts once.

    Args:
        answers: In order, those to one prompt together.
        num_each: Answers to each prompt.
    """
    prompts = answers[::num_each]
    read = sum(answer.num_prompt_tokens for answer in prompts)
    written = sum(answer.num_new_tokens for answer in answers)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": sum(a.num_cached_tokens for a in prompts)},
    }


def sources(answer: Completion) -> list[dict[str, str]]:
    """The passages that it rests on, best first."""
    return [
        {"document": passage.document, "title": passage.title, "text": passage.text}
        for passage in answer.passages
    ]


def chat_logprobs(tokens: Sequence[Token]) -> dict[str, Any]:
    """Tokens in the form of chats."""

    def one(text: str, logprob: float) -> dict[str, Any]:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    return {
        "content": [
            {
                **one(token.text, token.logprob),
                "top_logprobs": [one(text, logprob) for text, logprob in token.likeliest],
            }
            for token in tokens
        ]
    }


def text_logprobs(tokens: Sequence[Token]) -> dict[str, Any]:
    """Tokens in the form of completions; null where nothing stands before a token."""
    offsets = [0]
    for token in tokens:
        offsets.append(offsets[-1] + len(token.text))
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [_number(token.logprob) for token in tokens],
        "top_logprobs": [_likeliest(token) for token in tokens],
        "text_offset": offsets[:-1],
    }


def _likeliest(token: Token) -> dict[str, float] | None:
    if math.isnan(token.logprob):
        return None
    found: dict[str, float] = {}
    for text, logprob in (*token.likeliest, (token.text, token.logprob)):
        # Tokens that are parts of a character look alike: the likeliest of them is told.
        found.setdefault(text, logprob)
    return found


def _number(logprob: float) -> float | None:
    return None if math.isnan(logprob) else logprob
