"""Measure how long passes and drafted tokens take on this machine.

Letters: T tokens of a pass.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from acclimate.core.model import Sampling
from acclimate.inference.engine.causal_batch import CausalBatch
from acclimate.inference.engine.draft_length import Drafter
from acclimate.inference.local_model import LocalModel
from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.sampling.speculative_acceptance import StepTimes
from acclimate.nn.decoder.kv_cache import KVCache

PASS_TOKENS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
"""Sizes of passes that are timed."""
NUM_TIMES = 15
"""Each is timed; the shortest counts, as whatever else runs only makes others longer."""
NUM_DRAFTED = 8
"""Tokens drafted at once where drafting is timed."""


@torch.inference_mode()
def measure_step_times(model: LocalModel, drafter: Drafter, context: Sequence[int]) -> StepTimes:
    """Time passes over 1 to 64 tokens, and drafting, after a context of usual length.

    Args:
        model: A decoder, the target.
        drafter: Of its answers.
        context: Token ids, at least one.
    """
    network, context = model.network, context[: max(1, model.window // 2)]
    room = model.window - len(context)
    batch = CausalBatch(network, [list(context)], KVCache(1), {})
    batch.prefill(len(context))
    seconds = {
        size: _timed(partial(_pass_over, batch, [context[-1]] * size), network)
        for size in PASS_TOKENS
        if size <= room
    }
    row, state = drafter.row(), SamplingState(Sampling(), 0, [])
    drafting = _timed(lambda: row.draft(list(context), NUM_DRAFTED, state), network)
    passes = tuple((size, time_of_pass / seconds[1]) for size, time_of_pass in seconds.items())
    return StepTimes(drafting / NUM_DRAFTED / seconds[1], passes)


def _pass_over(batch: CausalBatch, tokens: list[int]) -> None:
    batch.decode(torch.tensor([tokens]))
    batch.rollback([len(tokens)])


def _timed(work: Callable[[], object], network: Any) -> float:
    """The shortest time, seconds, after one that only warms up."""
    seconds = []
    for _ in range(NUM_TIMES + 1):
        start = time.perf_counter()
        work()
        if network.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
