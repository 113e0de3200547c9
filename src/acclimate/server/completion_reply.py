"""Texts gone on with as `text_completion` objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acclimate.core.model import Completion
from acclimate.server.told import finish_reason, sources, text_logprobs, usage


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
        """What is known when it is done."""
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
