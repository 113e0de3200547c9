"""Prompts as one network is asked them; its answers, whole or as they grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from acclimate.core.model import Completion, Sampling, Token
from acclimate.core.prompt import Prompt
from acclimate.decoding.call import Call
from acclimate.decoding.constraint import constraint_of
from acclimate.decoding.ending import Ending, Pieces
from acclimate.decoding.engine import engine_of
from acclimate.decoding.rows import NetworkReader
from acclimate.decoding.sampling import Drawing
from acclimate.decoding.speculation import Speculation
from acclimate.text.chat import stop_ids

if TYPE_CHECKING:
    from acclimate.decoding.local_model import LocalModel


class Asked:
    """Prompts laid out for a model, and how their answers are drawn."""

    def __init__(
        self,
        model: LocalModel,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        speculation: Speculation | None = None,
    ) -> None:
        """Lay prompts out, cut to leave room for an answer, which may be guessed ahead.

        Raises:
            DataError: A question longer than the context window.
        """
        self.model, self.sampling, self.speculation = model, sampling, speculation
        room = model.layout.reserve(sampling.max_new_tokens)
        self.fitted = [model.layout.fitted(prompt, room) for prompt in prompts]
        self.ending = Ending(model.tokenizer, sampling, stop_ids(model.network, model.tokenizer))
        self.engine = engine_of(model.network)
        contexts = [ids for _, ids in self.fitted]
        routes = [model.route(prompt) for prompt in prompts]
        caching = model.caching
        self.reader = NetworkReader(
            model.network,
            contexts,
            routes,
            model.window,
            tree=self.engine.tree(caching.prefix_bytes),
            has_cache=caching.has_key_values,
            snapshot=self.engine.snapshot(model.network),
        )

    @cached_property
    def call(self) -> Call:
        """It, for the loop."""
        call = Call([self.reader], self.sampling, self.ending.is_reached, begin=self._begin)
        # Without keys and values each pass reads a row anew, and guesses have nowhere to stand.
        call.speculation = self.speculation if self.model.caching.has_key_values else None
        return call

    def answers(self) -> list[Completion]:
        """All of them, in order."""
        return [self._completion(i, ids) for i, ids in enumerate(self.engine.answer(self.call))]

    def pieces(self) -> Iterator[str | Completion]:
        """The text of the only answer as it is written, and the answer."""
        self.call.is_streamed = True
        pieces = Pieces(self.ending)
        drawing = self.call.drawings[0]  # made here, as nobody else should hear of its errors
        self.engine.put(self.call)
        try:
            is_over = False
            while not is_over:
                is_over = self.call.hear().is_over
                # Whoever listens now and then hears all that was written meanwhile at once.
                while not is_over and not self.call.news.empty():
                    is_over = self.call.hear().is_over
                written = list(drawing.written)
                if new := pieces.end(written) if is_over else pieces.add(written):
                    yield new
        finally:
            self.engine.leave(self.call)
        (ids,) = self.call.spend()
        yield self._completion(0, ids)

    def _begin(self, place: int) -> Drawing:
        model, read = self.model, self.reader.contexts[place]
        if model.is_seq2seq:
            read = [int(model.network.config.decoder_start_token_id)]
        constraint = constraint_of(self.sampling, model.tokenizer, self.ending.stop_ids)
        return Drawing(self.sampling, place, read, constraint)

    def _completion(self, place: int, ids: list[int]) -> Completion:
        shown, context = self.fitted[place]
        return Completion(
            text=self.ending.text(ids),
            num_prompt_tokens=len(context),
            num_new_tokens=len(ids),
            num_cached_tokens=self.reader.num_cached[place],
            is_cut=not self.ending.is_reached(ids),
            tokens=self._tokens(place),
            passages=shown.passages,
            prompt=self.model.layout.text(shown),
        )

    def _tokens(self, place: int) -> tuple[Token, ...]:
        spelled = self.model.tokenizer.decode
        return tuple(
            Token(
                text=spelled([told.token]),
                logprob=told.logprob,
                likeliest=tuple((spelled([token]), own) for token, own in told.likeliest),
            )
            for told in self.call.drawings[place].tokens_told
        )
