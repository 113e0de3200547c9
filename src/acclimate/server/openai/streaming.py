"""A stream of answers as the chunks that a client reads."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import Any

from acclimate.core.model import Completion
from acclimate.server.openai.responses import AnswerPiece, ChatReply, CompletionReply

Reply = ChatReply | CompletionReply


class Chunks:
    """Writes what is made, piece by piece; pieces that come together go together."""

    def __init__(self, reply: Reply, *, has_usage: bool) -> None:
        """Write in the form of `reply`, and at the end the tokens where they are asked for."""
        self.reply = reply
        self.has_usage = has_usage
        self.answers: list[Completion] = []
        self._has_text = False

    async def of(
        self, made: AsyncGenerator[list[AnswerPiece], None]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """All chunks."""
        for chunk in self.reply.opening():
            yield chunk
        async with aclosing(made) as open_made:
            async for together in open_made:
                for chunk in self._written(together):
                    yield chunk
        if self.has_usage:
            yield self.reply.usage(self.answers)

    def _written(self, together: Iterable[AnswerPiece]) -> Iterator[dict[str, Any]]:
        text = ""
        for piece in together:
            if isinstance(piece, str):
                text += piece
                continue
            # Of several answers only the whole is known.
            new_text = text if text or self._has_text else piece.text
            yield from self._piece(new_text)
            yield self.reply.last(len(self.answers), piece)
            self.answers.append(piece)
            text, self._has_text = "", False
        yield from self._piece(text)

    def _piece(self, text: str) -> Iterator[dict[str, Any]]:
        if text:
            self._has_text = True
            yield self.reply.piece(len(self.answers), text)
