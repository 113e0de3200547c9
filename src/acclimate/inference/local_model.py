"""A transformers network and its tokenizer as a Model."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import (
    Completion,
    LogLikelihood,
    Model,
    NeuralModel,
    Pair,
    Sampling,
    Token,
)
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.silence import silenced
from acclimate.core.storage.kinds import class_of, kind_of
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.inference.base_identity import identity, require_same
from acclimate.inference.cache_settings import DEFAULT_CACHE, CacheSettings
from acclimate.inference.engine.draft_length import Speculation
from acclimate.inference.engine.engine import engine_of
from acclimate.inference.engine.request import Request
from acclimate.inference.engine.sequence_batch import NetworkSource
from acclimate.inference.generate import prefill_logits
from acclimate.inference.load import load_network
from acclimate.inference.prompt_tokenizer import PromptTokenizer
from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.scoring.loglikelihood import score
from acclimate.inference.scoring.teacher_forcing import ScoringRequest
from acclimate.inference.stop_strings import IncrementalDetokenizer, StopCondition
from acclimate.inference.structured.constraint import constraint_of
from acclimate.nn.adapters.interface import Adapter
from acclimate.nn.adapters.prefix import num_virtual_tokens
from acclimate.nn.adapters.routing import route_of

DEFAULT_WINDOW = 1024
"""Context of a network whose configuration does not say (T5)."""


@dataclass(frozen=True, eq=False)
class LocalModel(NeuralModel):
    """Answers with a transformers network in this process.

    Where `adapter_of` is given, the network is that model's with an adapter put on a copy that
    shares its weights: only the adapter is saved.
    """

    kind: ClassVar[str] = "local"

    network: Any
    tokenizer: Any
    adapter_of: NeuralModel | None = None
    adapter: Adapter | None = None
    """The adapter in `network`."""
    cache_settings: CacheSettings = DEFAULT_CACHE

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer in one batch with other requests; equal leading tokens are read once."""
        return Generation(self, prompts, sampling).answers() if prompts else []

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """The text as it is written, and the answer."""
        return Generation(self, [prompt], sampling).pieces()

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Score continuations; those of one prompt in one pass."""
        by_prompt: dict[Prompt, list[int]] = {}
        for index, (prompt, _) in enumerate(pairs):
            by_prompt.setdefault(prompt, []).append(index)
        encoded = [
            self.prompt_tokenizer.encode_choices(prompt, [pairs[i][1] for i in indices])
            for prompt, indices in by_prompt.items()
        ]
        requests = [ScoringRequest(ids, choices, self.route(p)) for p, ids, choices in encoded]
        groups = zip(by_prompt.values(), encoded, score(self.network, requests), strict=True)
        scored = {
            index: LogLikelihood(logprob, len(ids), len(pairs[index][1].encode()), fitted.passages)
            for indices, (fitted, _, choices), row in groups
            for index, ids, logprob in zip(indices, choices, row, strict=True)
        }
        return [scored[index] for index in range(len(pairs))]

    def next_token_logprobs(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Log-probabilities of the next token, nats, (B, V)."""
        contexts, routes = [self.encode(p)[0] for p in prompts], list(map(self.route, prompts))
        return prefill_logits(self.network, contexts, routes).float().log_softmax(-1)

    def route(self, prompt: Prompt) -> int | None:
        """The adapter of the prompt's task, by its number; None: tasks have none of their own."""
        return route_of(self.network, prompt.task)

    def encode(self, prompt: Prompt, continuation: str = "") -> tuple[list[int], list[int]]:
        """Token ids of the prompt, cut to fit, and of the continuation."""
        return self.prompt_tokenizer.encode(prompt, continuation)

    def with_network(self, network: Any) -> "LocalModel":
        """The same model around another network that owns its weights."""
        return replace(self, network=network, adapter_of=None, adapter=None)

    def shared_copy(self) -> Any:
        """A copy of the network's modules around the same weights, which stay as they are."""
        shared = [*self.network.parameters(), *self.network.buffers()]
        return copy.deepcopy(self.network, {id(tensor): tensor for tensor in shared})

    def adapted(self, put_on: Callable[[Any], Adapter]) -> "LocalModel":
        """This model with an adapter, trained or to be trained, put on it.

        Args:
            put_on: Given a network to change in place, around weights that are to stay.

        Raises:
            NotApplicableError: Two adapters are on it already, the lower of a kind that stays.
        """
        # An adapter that can become part of the weights does, under the new one.
        merged = self._merged(self.adapter) if self.adapter else None
        base = self if merged is None else self.with_network(merged)
        adapter = put_on(base.shared_copy())
        return replace(self, network=adapter.network, adapter_of=base, adapter=adapter)

    def owned_copy(self) -> Any:
        """A network with weights of its own, an adapter merged into them.

        Raises:
            NotApplicableError: The adapter is of a kind that cannot be.
        """
        if self.adapter is None:
            return copy.deepcopy(self.network)
        if (merged := self._merged(self.adapter)) is None:
            raise _stays(self.adapter)
        return merged

    def _merged(self, adapter: Adapter) -> Any | None:
        """A network with the adapter in its weights; None: it is of a kind that stays apart."""
        merged = adapter.merged()
        below = self.adapter_of.adapter if isinstance(self.adapter_of, LocalModel) else None
        if merged is not None and below is not None:
            raise _stays(below)
        return merged

    @cached_property
    def prompt_tokenizer(self) -> PromptTokenizer:
        """Lays prompts out and tokenizes them."""
        return PromptTokenizer(self.tokenizer, self.window, is_seq2seq=self.is_seq2seq)

    @property
    def is_seq2seq(self) -> bool:
        """Whether an encoder reads the prompt."""
        return bool(self.network.config.is_encoder_decoder)

    @property
    def window(self) -> int:
        """Context window, tokens, without those that a prefix takes."""
        config = self.network.config.get_text_config()
        size = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", 0)
        size = int(min(size or DEFAULT_WINDOW, self.tokenizer.model_max_length))
        return size - num_virtual_tokens(self.network)

    @property
    def children(self) -> Mapping[str, Model]:
        """The model that the adapter was put on."""
        return {"adapter_of": self.adapter_of} if self.adapter_of is not None else {}

    def write(self, folder: Path) -> dict[str, Any]:
        """Save the adapter, or network and tokenizer in transformers' format."""
        caching = self.cache_settings.saved_fields()
        if self.adapter is not None and self.adapter_of is not None:
            self.adapter.write(folder)
            return {"adapter": kind_of(type(self.adapter)), **identity(self.adapter_of), **caching}
        with silenced():
            self.network.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        return caching

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Load what `write` saved.

        Raises:
            BackendError: An adapter was trained on another model than it is put on.
        """
        base = children.get("adapter_of")
        caching = CacheSettings(**fields.get("caching", {}))
        if isinstance(base, LocalModel):
            require_same(base, fields, folder)
            adapter = class_of(fields["adapter"], Adapter).read(base.shared_copy(), folder)
            return cls(adapter.network, base.tokenizer, base, adapter, caching)
        with silenced():
            return cls(*load_network(folder), cache_settings=caching)


def _stays(adapter: Adapter) -> NotApplicableError:
    return NotApplicableError(
        f"the weights under {type(adapter).__name__} cannot be tuned with it inside; put the "
        "method that makes it last, or choose one that trains another adapter"
    )


class Generation:
    """One call of a model: prompts as a request to the engine, and the answers to them."""

    def __init__(
        self,
        model: LocalModel,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        speculation: Speculation | None = None,
    ) -> None:
        """Tokenize prompts, cut to leave room for an answer; with `speculation` it is drafted.

        Raises:
            DataError: A question longer than the context window.
        """
        self.model, self.sampling, self.speculation = model, sampling, speculation
        room = model.prompt_tokenizer.reserve(sampling.max_new_tokens)
        self.fitted = [model.prompt_tokenizer.fitted(prompt, room) for prompt in prompts]
        ends = stop_ids(model.network, model.tokenizer)
        self.stop_condition = StopCondition(model.tokenizer, sampling, ends)
        self.engine, caching = engine_of(model.network), model.cache_settings
        self.source = NetworkSource(
            model.network,
            [ids for _, ids in self.fitted],
            [model.route(prompt) for prompt in prompts],
            model.window,
            prefix_cache=self.engine.prefix_cache(caching.prefix_bytes),
            has_cache=caching.has_key_values,
            network_state=self.engine.network_state(model.network),
        )

    @cached_property
    def request(self) -> Request:
        """What the engine is asked."""
        request = Request([self.source], self.sampling, self.stop_condition.is_met)
        request.new_sampling_state = self._new_state
        # Without a KV cache each pass reads a row anew, and drafts cannot be rolled back.
        request.speculation = self.speculation if self.source.has_cache else None
        return request

    def answers(self) -> list[Completion]:
        """The answers to all prompts, in order."""
        return [self._completion(i, ids) for i, ids in enumerate(self.engine.run(self.request))]

    def pieces(self) -> Iterator[str | Completion]:
        """The text of the only answer as it is written, and the answer."""
        self.request.is_streamed = True
        detokenizer = IncrementalDetokenizer(self.stop_condition)
        # Made here, so that its errors end this request and no other.
        state = self.request.sampling_states[0]
        self.engine.submit(self.request)
        try:
            is_over = False
            while not is_over:
                is_over = self.request.next_event().is_over
                # A slow reader gets all that was written meanwhile at once.
                while not is_over and not self.request.events.empty():
                    is_over = self.request.next_event().is_over
                written = list(state.written)
                if new := detokenizer.end(written) if is_over else detokenizer.add(written):
                    yield new
        finally:
            self.engine.release(self.request)
        yield self._completion(0, *self.request.collect())

    def _new_state(self, index: int) -> SamplingState:
        model, read = self.model, self.source.contexts[index]
        if model.is_seq2seq:
            read = [int(model.network.config.decoder_start_token_id)]
        constraint = constraint_of(self.sampling, model.tokenizer, self.stop_condition.stop_ids)
        return SamplingState(self.sampling, index, read, constraint)

    def _completion(self, index: int, ids: list[int]) -> Completion:
        prompt, context = self.fitted[index]
        return Completion(
            text=self.stop_condition.text(ids),
            num_prompt_tokens=len(context),
            num_new_tokens=len(ids),
            num_cached_tokens=self.source.num_cached[index],
            is_cut=not self.stop_condition.is_met(ids),
            tokens=self._tokens(index),
            passages=prompt.passages,
            prompt=self.model.prompt_tokenizer.text(prompt),
        )

    def _tokens(self, index: int) -> tuple[Token, ...]:
        decode = self.model.tokenizer.decode
        return tuple(
            Token(
                text=decode([drawn.token]),
                logprob=drawn.logprob,
                likeliest=tuple((decode([token]), logprob) for token, logprob in drawn.likeliest),
            )
            for drawn in self.request.sampling_states[index].token_logprobs
        )
