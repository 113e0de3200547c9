"""How long passes and guesses take here, measured.

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
"""Tokens guessed at once where guessing is timed."""


@torch.inference_mode()
def measure_step_times(model: LocalModel, drafter: Drafter, context: Sequence[int]) -> StepTimes:
    """Time passes over 1 to 64 tokens, and guesses, after a context that is usual.

    Args:
        model: A decoder, whose answers are to be guessed.
        drafter: What guesses.
        context: Token ids, at least one.
    """
    network, context = model.network, context[: max(1, model.window // 2)]
    room = model.window - len(context)
    rows = CausalBatch(network, [list(context)], KVCache(1), {})
    rows.prefill(len(context))
    seconds = {
        size: _timed(partial(_pass_over, rows, [context[-1]] * size), network)
        for size in PASS_TOKENS
        if size <= room
    }
    row, drawing = drafter.row(), SamplingState(Sampling(), 0, [])
    drafting = _timed(lambda: row.draft(list(context), NUM_DRAFTED, drawing), network)
    passes = tuple((size, own / seconds[1]) for size, own in seconds.items())
    return StepTimes(drafting / NUM_DRAFTED / seconds[1], passes)


def _pass_over(rows: CausalBatch, tokens: list[int]) -> None:
    rows.decode(torch.tensor([tokens]))
    rows.rollback([len(tokens)])


def _timed(work: Callable[[], object], network: Any) -> float:
    """Seconds, after one that only warms up."""
    found = []
    for _ in range(NUM_TIMES + 1):
        start = time.perf_counter()
        work()
        if network.device.type == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return min(found[1:])
