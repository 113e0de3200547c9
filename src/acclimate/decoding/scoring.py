"""Log-likelihoods: a shared prefix is read once, choices of an item together.

The row of one item is its own part of the prompt followed by all its continuations. A mask lets
each continuation see the prompt and itself, and positions restart after the prompt, so that one
pass weighs every choice as if it stood alone.

Letters: B rows, Q tokens of a row, P tokens of the shared prefix, V vocabulary.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from acclimate.core.cost import Cost, spend
from acclimate.core.progress import progress
from acclimate.decoding.batching import MAX_BATCH_TOKENS, by_length, shared_prefix
from acclimate.decoding.prefix_cache import expanded, prefix_cache
from acclimate.nn.prefix import num_virtual_tokens
from acclimate.nn.routes import as_keyword

CPU_BATCH_TOKENS = 1024
"""Tokens in one pass on a CPU: what more rows save there, padding and cache misses cost again."""


@dataclass(frozen=True)
class Request:
    """A context with the continuations to weigh after it, as token ids."""

    context: list[int]
    continuations: Sequence[list[int]]
    route: int | None = None
    """Which of the network's adapters it goes through; None: there is only one way."""

    @property
    def num_tokens(self) -> int:
        """Inputs in its row: the last token of a continuation is predicted, never read."""
        return len(self.context) + sum(len(c) - 1 for c in self.continuations)


@torch.inference_mode()
def score(network: Any, requests: Sequence[Request]) -> list[list[float]]:
    """Sum of log-probabilities of each continuation, nats, in the order asked."""
    if not requests:
        return []
    if network.config.is_encoder_decoder:
        return [_score_seq2seq(network, request) for request in requests]
    if not can_share(network, max(r.num_tokens for r in requests)):
        return _score_apart(network, requests)
    routes = [r.route for r in requests]
    num_shared = shared_prefix([r.context for r in requests], routes)
    return _score_together(network, requests, num_shared)


def can_share(network: Any, num_tokens: int) -> bool:
    """Whether the network takes our mask and positions and sees the whole row at once."""
    config = network.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    takes_positions = "position_ids" in inspect.signature(network.forward).parameters
    return takes_positions and (not window or num_virtual_tokens(network) + num_tokens <= window)


def _score_apart(network: Any, requests: Sequence[Request]) -> list[list[float]]:
    """A right-padded row for each continuation, for networks that make their own mask."""
    rows = [(r.context, c) for r in requests for c in r.continuations]
    routes = [r.route for r in requests for _ in r.continuations]
    scores = [0.0] * len(rows)
    for group in by_length([len(x) + len(c) for x, c in rows], _max_tokens(network)):
        width = max(len(rows[i][0]) + len(rows[i][1]) for i in group)
        whole = [rows[i][0] + rows[i][1] for i in group]
        pads = [width - len(ids) for ids in whole]
        ids = torch.tensor([ids + [0] * pad for ids, pad in zip(whole, pads, strict=True)])
        mask = torch.tensor([[1] * (width - pad) + [0] * pad for pad in pads])
        ways = as_keyword([routes[i] for i in group])
        inputs = {"input_ids": ids.to(network.device), "attention_mask": mask.to(network.device)}
        output = network(**inputs, **ways)
        for index, logits in zip(group, output.logits, strict=True):
            context, continuation = rows[index]
            start = len(context) - 1
            logprobs = logits[start : start + len(continuation)].float().log_softmax(-1)
            scores[index] = _sum_at(logprobs, continuation)
        spend(_cost(network, sum(map(len, whole))))
    flat = iter(scores)
    return [[next(flat) for _ in r.continuations] for r in requests]


def _sum_at(logprobs: torch.Tensor, tokens: Sequence[int]) -> float:
    """Sum of the log-probabilities (T, V) of the tokens (T,)."""
    target = torch.tensor(tokens, device=logprobs.device)
    return float(logprobs.gather(1, target[:, None]).sum())


def _score_together(
    network: Any, requests: Sequence[Request], num_shared: int
) -> list[list[float]]:
    cache = prefix_cache(network, requests[0].context[:num_shared], requests[0].route)
    own = [replace(r, context=r.context[num_shared:]) for r in requests]
    scores: list[list[float]] = [[] for _ in requests]
    spend(_cost(network, num_shared))
    with progress("scoring", len(own)) as advance:
        for group in by_length([r.num_tokens for r in own], _max_tokens(network)):
            rows = _score_rows(network, [own[i] for i in group], cache, num_shared)
            for index, row in zip(group, rows, strict=True):
                scores[index] = row
            spend(_cost(network, sum(own[i].num_tokens for i in group)))
            advance(len(group))
    return scores


def _score_seq2seq(network: Any, request: Request) -> list[float]:
    """The encoder reads the context once, the decoder all continuations as one padded batch."""
    context = torch.tensor([list(request.context)], device=network.device)
    route = as_keyword([request.route])
    encoded = network.get_encoder()(input_ids=context, **route)
    num_rows = len(request.continuations)
    width = max(map(len, request.continuations))
    padded = [[*c, *[0] * (width - len(c))] for c in request.continuations]
    targets = torch.tensor(padded, device=network.device)  # (B, T)
    starts = targets.new_full((num_rows, 1), network.config.decoder_start_token_id)
    states = encoded.last_hidden_state.expand(num_rows, -1, -1)
    logits = network(
        encoder_outputs=type(encoded)(last_hidden_state=states),
        decoder_input_ids=torch.cat([starts, targets[:, :-1]], dim=1),
        **route,
    ).logits  # (B, T, V)
    logprobs = logits.float().log_softmax(-1).gather(2, targets[..., None])[..., 0]  # (B, T)
    spend(_cost(network, len(request.context) + sum(map(len, request.continuations))))
    rows = zip(logprobs, request.continuations, strict=True)
    return [float(row[: len(c)].sum()) for row, c in rows]


def _max_tokens(network: Any) -> int:
    return CPU_BATCH_TOKENS if network.device.type == "cpu" else MAX_BATCH_TOKENS


def _cost(network: Any, num_tokens: int) -> Cost:
    return Cost(prompt_tokens=num_tokens, flops=2.0 * network.num_parameters() * num_tokens)


def _score_rows(
    network: Any, rows: Sequence[Request], cache: Any, num_shared: int
) -> list[list[float]]:
    width = max(len(r.context) for r in rows)
    tail = max(r.num_tokens - len(r.context) for r in rows)
    ids, positions, visible = _lay_out(rows, width, tail, num_shared)
    device = network.device
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
    logits = output.logits[:, -(tail + 1) :].float()  # (B, tail+1, V)
    return [_row_scores(logits[b], row) for b, row in enumerate(rows)]


def _lay_out(
    rows: Sequence[Request], width: int, tail: int, num_shared: int
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


def _row_scores(logits: torch.Tensor, row: Request) -> list[float]:
    """Log-probabilities of a row's continuations from its last columns, (tail+1, V)."""
    scores = []
    column = 1
    for continuation in row.continuations:
        stop = column + len(continuation) - 1
        predictors = torch.cat([logits[:1], logits[column:stop]])  # (len, V)
        scores.append(_sum_at(predictors.log_softmax(-1), continuation))
        column = stop
    return scores
