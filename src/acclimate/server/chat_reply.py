"""Answers to a dialogue as `chat.completion` objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acclimate.core.model import Completion
from acclimate.server.told import chat_logprobs, finish_reason, sources, usage


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
        """What is known when it is done."""
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
