"""Generate from token ids with one network, or with several jointly.

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
    """Generate new token ids after each context, in order, to `is_stop` or `max_new_tokens`.

    Args:
        network: A causal or encoder-decoder transformers network.
        contexts: Token ids, at least one each.
        sampling: How a token is drawn.
        is_stop: Whether a sequence that has written these ids is finished.
        routes: Of each context, where the network has adapters to choose from.
        window: Tokens that a context and its answer may have, where one network reads both.
    """
    source = NetworkSource(network, contexts, routes, window)
    answers: list[list[int]] = decode_jointly([source], sampling, is_stop=is_stop)
    return answers


def decode_jointly(
    sources: Sequence[SequenceSource],
    sampling: Sampling,
    *,
    is_stop: IsStop,
    join: CombineLogits = first_source,
    begin: NewSamplingState | None = None,
) -> list[list[int]]:
    """Generate what all sources write together after each prompt, in order.

    Each reads its own layout of every prompt and keeps its own keys and values; what is drawn
    from their combined distribution is read by all.

    Args:
        sources: Of the same prompts in the same order, and of the same symbols.
        sampling: How a symbol is drawn.
        is_stop: Whether a sequence that has written these symbols is finished.
        join: How the sources' logits become those that are drawn from.
        begin: Makes the sampling state of a sequence; None: it follows from `sampling` alone.
    """
    request, scheduler = Request(sources, sampling, is_stop, join, begin), Scheduler()
    scheduler.add(request)
    with on_cancel(request.abort), progress("answering", len(request.kv_slots_each)) as advance:
        while not scheduler.is_idle:
            scheduler.step()
            while not request.events.empty():
                request.next_event()
                advance(1)
    return request.collect()


@torch.inference_mode()
def prefill_logits(
    network: Any, contexts: Sequence[list[int]], routes: Sequence[int | None] = ()
) -> torch.Tensor:
    """Logits (B, V) of the token after each context."""
    source = NetworkSource(network, contexts, routes)
    logits = source.new_batch(range(len(contexts))).prefill(max(map(len, contexts)))
    source.spend(0)
    if logits is None:
        raise AssertionError("a context longer than the longest of them")
    return logits
