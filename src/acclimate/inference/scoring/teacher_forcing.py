"""Teacher forcing: logits of given continuations, all of a prompt in one row.

A prefix that all requests share is read once. The row of one request is the rest of its context
followed by all its continuations. A mask lets each continuation see the context and itself, and
positions restart after the context, so that one pass scores every choice as if it stood alone.

Letters: B rows, Q tokens of a row, T tokens of a continuation, P tokens of the shared prefix,
H key heads, D head width, V vocabulary.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from transformers import DynamicCache

from acclimate.core.runtime.cost import Cost, spend
from acclimate.inference.engine.batching import shared_prefix
from acclimate.nn.adapters.prefix import num_virtual_tokens
from acclimate.nn.adapters.routing import as_keyword


@dataclass(frozen=True)
class ScoringRequest:
    """A context with the continuations to score after it, as token ids."""

    context: list[int]
    continuations: Sequence[list[int]]
    route: int | None = None
    """Of the network's adapters; None: it has none to choose from."""

    @property
    def num_tokens(self) -> int:
        """Inputs in its row: the last token of a continuation is predicted, never read."""
        return len(self.context) + sum(len(c) - 1 for c in self.continuations)


Choices = list[torch.Tensor]
"""Of one request: the logits (T, V) that predict each of its continuations."""


def can_share(network: Any, num_tokens: int) -> bool:
    """Whether the network takes our mask and positions and sees the whole row at once."""
    config = network.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    takes_positions = "position_ids" in inspect.signature(network.forward).parameters
    return takes_positions and (not window or num_virtual_tokens(network) + num_tokens <= window)


@dataclass(frozen=True)
class TeacherForcing:
    """Reads scoring requests with one network, in the way that it allows."""

    network: Any
    requests: Sequence[ScoringRequest]

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens that each request takes in a batch."""
        if self._read == self._read_apart:
            return [
                max(len(r.context) + len(c) for c in r.continuations) * len(r.continuations)
                for r in self.requests
            ]
        return [request.num_tokens - self._num_shared for request in self.requests]

    def logits(self, group: Sequence[int]) -> list[Choices]:
        """Logits of some of the requests, by their indices, read together, in order."""
        return self._read([self.requests[i] for i in group])

    @cached_property
    def _read(self) -> Callable[[Sequence[ScoringRequest]], list[Choices]]:
        if self.network.config.is_encoder_decoder:
            return self._read_seq2seq
        longest = max(request.num_tokens for request in self.requests)
        return self._read_together if can_share(self.network, longest) else self._read_apart

    @cached_property
    def _num_shared(self) -> int:
        if self._read != self._read_together:
            return 0
        contexts = [request.context for request in self.requests]
        return shared_prefix(contexts, [request.route for request in self.requests])

    @cached_property
    def _cache(self) -> Any:
        first = self.requests[0]
        self._spend(self._num_shared)
        return encode_prefix(self.network, first.context[: self._num_shared], first.route)

    def _read_seq2seq(self, requests: Sequence[ScoringRequest]) -> list[Choices]:
        return [self._decoded(request) for request in requests]

    def _decoded(self, request: ScoringRequest) -> Choices:
        """The encoder reads the context once, the decoder all continuations as a padded batch."""
        network, continuations = self.network, request.continuations
        context = torch.tensor([list(request.context)], device=network.device)
        route = as_keyword([request.route])
        encoded = network.get_encoder()(input_ids=context, **route)
        width = max(map(len, continuations))
        padded = [[*c, *[0] * (width - len(c))] for c in continuations]
        targets = torch.tensor(padded, device=network.device)  # (B, T)
        starts = targets.new_full((len(padded), 1), network.config.decoder_start_token_id)
        states = encoded.last_hidden_state.expand(len(padded), -1, -1)
        logits = network(
            encoder_outputs=type(encoded)(last_hidden_state=states),
            decoder_input_ids=torch.cat([starts, targets[:, :-1]], dim=1),
            **route,
        ).logits  # (B, T, V)
        self._spend(len(request.context) + sum(map(len, continuations)))
        return [row[: len(c)] for row, c in zip(logits, continuations, strict=True)]

    def _read_apart(self, requests: Sequence[ScoringRequest]) -> list[Choices]:
        """A right-padded row for each continuation, for networks that make their own mask."""
        whole = [r.context + c for r in requests for c in r.continuations]
        width = max(map(len, whole))
        pads = [width - len(ids) for ids in whole]
        ids = torch.tensor([ids + [0] * pad for ids, pad in zip(whole, pads, strict=True)])
        mask = torch.tensor([[1] * (width - pad) + [0] * pad for pad in pads])
        ways = as_keyword([r.route for r in requests for _ in r.continuations])
        device = self.network.device
        output = self.network(input_ids=ids.to(device), attention_mask=mask.to(device), **ways)
        self._spend(sum(map(len, whole)))
        rows = iter(output.logits)
        return [
            [next(rows)[len(r.context) - 1 :][: len(c)] for c in r.continuations] for r in requests
        ]

    def _read_together(self, requests: Sequence[ScoringRequest]) -> list[Choices]:
        num_shared, cache = self._num_shared, self._cache
        rows = [replace(r, context=r.context[num_shared:]) for r in requests]
        width = max(len(r.context) for r in rows)
        tail = max(r.num_tokens - len(r.context) for r in rows)
        ids, positions, visible = _lay_out(rows, width, tail, num_shared)
        network, device = self.network, self.network.device
        mask = torch.zeros(visible.shape, dtype=network.dtype)  # (B, 1, Q, P+Q)
        mask.masked_fill_(~visible, torch.finfo(network.dtype).min)
        output = network(
            input_ids=ids.to(device),
            position_ids=positions.to(device),
            attention_mask=mask.to(device),
            past_key_values=expanded(cache, len(rows)),
            use_cache=True,
            logits_to_keep=tail + 1,
            **as_keyword([r.route for r in rows]),
        )
        self._spend(sum(r.num_tokens for r in rows))
        logits = output.logits[:, -(tail + 1) :]  # (B, tail+1, V)
        return [_choices(logits[b], row) for b, row in enumerate(rows)]

    def _spend(self, num_tokens: int) -> None:
        flops = 2.0 * self.network.num_parameters() * num_tokens
        spend(Cost(prompt_tokens=num_tokens, flops=flops))


def _lay_out(
    rows: Sequence[ScoringRequest], width: int, tail: int, num_shared: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids and positions (B, Q) and who sees whom (B, 1, Q, P+Q): contexts end in one column."""
    num_columns = width + tail
    ids = torch.zeros(len(rows), num_columns, dtype=torch.long)
    positions = torch.zeros(len(rows), num_columns, dtype=torch.long)
    visible = torch.zeros(len(rows), 1, num_columns, num_shared + num_columns, dtype=torch.bool)
    for b, row in enumerate(rows):
        start = width - len(row.context)
        end = num_shared + len(row.context)
        ids[b, start:width] = torch.tensor(row.context)
        positions[b, start:width] = torch.arange(num_shared, end)
        visible[b, 0, :, :num_shared] = True
        visible[b, 0, :, num_shared + start : num_shared + width] = True
        column = width
        for continuation in row.continuations:
            stop = column + len(continuation) - 1
            ids[b, column:stop] = torch.tensor(continuation[:-1])
            positions[b, column:stop] = torch.arange(end, end + stop - column)
            visible[b, 0, column:stop, num_shared + column : num_shared + stop] = True
            column = stop
    causal = torch.ones(num_columns, num_columns, dtype=torch.bool).tril()
    visible[..., num_shared:] &= causal
    return ids, positions, visible


def _choices(logits: torch.Tensor, row: ScoringRequest) -> Choices:
    """Of a row's continuations, from its last columns (tail+1, V)."""
    choices = []
    column = 1
    for continuation in row.continuations:
        stop = column + len(continuation) - 1
        choices.append(torch.cat([logits[:1], logits[column:stop]]))  # (T, V)
        column = stop
    return choices


def encode_prefix(
    network: Any, prefix: Sequence[int], route: int | None = None
) -> DynamicCache | None:
    """Read the prefix once; a cache of batch size 1, or None for an empty prefix."""
    if not prefix:
        return None
    ids = torch.tensor([list(prefix)], device=network.device)
    cache = DynamicCache()
    inputs = {"input_ids": ids, **as_keyword([route])}
    network(past_key_values=cache, use_cache=True, logits_to_keep=1, **inputs)
    return cache


def expanded(cache: DynamicCache | None, num_rows: int) -> DynamicCache:
    """A cache for `num_rows` rows that all begin with the same prefix; the original stays."""
    rows = DynamicCache()
    if cache is not None:
        for index, layer in enumerate(cache.layers):
            keys = layer.keys.expand(num_rows, -1, -1, -1)  # (B, H, P, D)
            values = layer.values.expand(num_rows, -1, -1, -1)  # (B, H, P, D)
            rows.update(keys, values, index)
    return rows
