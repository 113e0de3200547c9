"""Answers as OpenAI's objects: chats, completions, and the parts both have."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acclimate.core.model import Completion, Token

AnswerPiece = str | Completion
"""A piece of the only answer, or an answer that is done; those of several come in order."""


@dataclass(frozen=True)
class ChatReply:
    """How answers to one request are written."""

    id: str
    created: int
    model: str
    num_each: int
    has_logprobs: bool

    def whole(self, answers: Sequence[Completion]) -> dict[str, Any]:
        """All answers at once."""
        choices = [
            {
                "index": index,
                "message": {
                    "role": "assistant",
                    "content": answer.text,
                    "refusal": None,
                    "sources": sources(answer),
                },
                **self._end(answer),
            }
            for index, answer in enumerate(answers)
        ]
        return {**self._head("chat.completion", choices), "usage": usage(answers, self.num_each)}

    def opening(self) -> list[dict[str, Any]]:
        """What a stream begins with."""
        delta = {"role": "assistant", "content": ""}
        return [
            self._chunk(index, delta, {"finish_reason": None}) for index in range(self.num_each)
        ]

    def piece(self, index: int, text: str) -> dict[str, Any]:
        """Some text of an answer."""
        return self._chunk(index, {"content": text}, {"finish_reason": None})

    def last(self, index: int, answer: Completion) -> dict[str, Any]:
        """The chunk that ends an answer."""
        return self._chunk(index, {"sources": sources(answer)}, self._end(answer))

    def usage(self, answers: Sequence[Completion]) -> dict[str, Any]:
        """The chunk that tells the tokens."""
        return {
            **self._head("chat.completion.chunk", []),
            "usage": usage(answers, self.num_each),
        }

    def _chunk(self, index: int, delta: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
        return self._head("chat.completion.chunk", [{"index": index, "delta": delta, **end}])

    def _head(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**head, "choices": choices}

    def _end(self, answer: Completion) -> dict[str, Any]:
        return {
            "finish_reason": finish_reason(answer),
            "logprobs": chat_logprobs(answer.tokens) if self.has_logprobs else None,
        }


@dataclass(frozen=True)
class CompletionReply:
    """How answers to one request are written."""

    id: str
    created: int
    model: str
    num_each: int
    has_logprobs: bool

    def whole(self, answers: Sequence[Completion]) -> dict[str, Any]:
        """All answers at once."""
        choices = [self._choice(i, a.text, self._end(a)) for i, a in enumerate(answers)]
        return {**self._head(choices), "usage": usage(answers, self.num_each)}

    def opening(self) -> list[dict[str, Any]]:
        """What a stream begins with: nothing."""
        return []

    def piece(self, index: int, text: str) -> dict[str, Any]:
        """Some text of an answer."""
        return self._head([self._choice(index, text, {"finish_reason": None, "logprobs": None})])

    def last(self, index: int, answer: Completion) -> dict[str, Any]:
        """The chunk that ends an answer."""
        return self._head([self._choice(index, "", self._end(answer))])

    def usage(self, answers: Sequence[Completion]) -> dict[str, Any]:
        """The chunk that tells the tokens."""
        return {**self._head([]), "usage": usage(answers, self.num_each)}

    def _choice(self, index: int, text: str, end: dict[str, Any]) -> dict[str, Any]:
        return {"index": index, "text": text, **end}

    def _head(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self.id, "object": "text_completion", "created": self.created}
        return {**head, "model": self.model, "choices": choices}

    def _end(self, answer: Completion) -> dict[str, Any]:
        return {
            "finish_reason": finish_reason(answer),
            "logprobs": text_logprobs(answer.tokens) if self.has_logprobs else None,
            "sources": sources(answer),
        }


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
    logprobs: dict[str, float] = {}
    for text, logprob in (*token.likeliest, (token.text, token.logprob)):
        # Tokens that are parts of a character look alike: the likeliest of them is told.
        logprobs.setdefault(text, logprob)
    return logprobs


def _number(logprob: float) -> float | None:
    return None if math.isnan(logprob) else logprob
