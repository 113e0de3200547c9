"""Answers of one or several networks, from token ids to token ids.

Letters: B rows, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch

from acclimate.core.model import Sampling
from acclimate.core.runtime.cancellation import on_cancel
from acclimate.core.runtime.progress import progress
from acclimate.inference.engine.request import (
    CombineLogits,
    IsStop,
    NewSamplingState,
    Request,
    first_source,
)
from acclimate.inference.engine.scheduler import Scheduler
from acclimate.inference.engine.sequence_batch import NetworkSource, SequenceSource


def decode(
    network: Any,
    contexts: Sequence[list[int]],
    sampling: Sampling,
    *,
    is_stop: IsStop,
    routes: Sequence[int | None] = (),
    window: int | None = None,
) -> list[list[int]]:
    """New token ids after each context, in order; ends at `is_stop` or `max_new_tokens`.

    Args:
        network: A causal or encoder-decoder transformers network.
        contexts: Token ids, at least one each.
        sampling: How a token is drawn.
        is_stop: Told the new ids of one row; whether that row is done.
        routes: Of each context, where the network has adapters to choose from.
        window: Tokens that a context and its answer may have, where one network reads both.
    """
    reader = NetworkSource(network, contexts, routes, window)
    answers: list[list[int]] = decode_jointly([reader], sampling, is_stop=is_stop)
    return answers


def decode_jointly(
    readers: Sequence[SequenceSource],
    sampling: Sampling,
    *,
    is_stop: IsStop,
    join: CombineLogits = first_source,
    begin: NewSamplingState | None = None,
) -> list[list[int]]:
    """What all readers write together after each prompt, in order.

    Each reads its own layout of every prompt and keeps its own keys and values; what is drawn
    from their joined distribution is written to all, and a row that is done leaves all.

    Args:
        readers: Of the same prompts in the same order, and of the same symbols.
        sampling: How a symbol is drawn.
        is_stop: Told the new symbols of one row; whether that row is done.
        join: What the readers' logits come to.
        begin: How the answer in a place is drawn; None: by `sampling` alone.
    """
    call, loop = Request(readers, sampling, is_stop, join, begin), Scheduler()
    loop.add(call)
    with on_cancel(call.abort), progress("answering", len(call.kv_slots_each)) as advance:
        while not loop.is_idle:
            loop.step()
            while not call.events.empty():
                call.next_event()
                advance(1)
    return call.collect()


@torch.inference_mode()
def prefill_logits(
    network: Any, contexts: Sequence[list[int]], routes: Sequence[int | None] = ()
) -> torch.Tensor:
    """Logits (B, V) of the token after each context."""
    reader = NetworkSource(network, contexts, routes)
    logits = reader.new_batch(range(len(contexts))).prefill(max(map(len, contexts)))
    reader.spend(0)
    if logits is None:
        raise AssertionError("a context longer than the longest of them")
    return logits
