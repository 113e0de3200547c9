"""The decoding loop against generate, and how far both are from memory's speed."""

import sys
import time
from typing import Any

import torch
from decoding_setting import (
    BATCHES,
    IS_QUICK,
    PROMPT_TOKENS,
    Setting,
    are_same,
    conditions,
    decode,
    embedded,
    generate,
    in_turn,
    large,
    prompts,
    ratio_of,
    seconds_of,
    verdict,
)

NEEDED = {"embedded": 1.8, "random": 1.2}
"""Times as fast as generate, at any number of rows."""
NEEDED_PREFIX = 5.0
NUM_REQUESTS, PREFIX_TOKENS, OWN_TOKENS, PREFIX_NEW = 64, 500, 12, 16
READ_BYTES = 2**28
"""Read to measure memory: more than any processor's cache."""


def main() -> int:
    """Print all sections; 1 where one is below what is asked."""
    print(conditions())
    held = [lean(), cache(), prefix()]
    return 0 if all(held) else 1


def lean() -> bool:
    """Tokens a second of one row and of sixteen."""
    print(f"\nlean: {PROMPT_TOKENS}-token prompts, whole answers, prompts read included")
    speed = bandwidth()
    print(f"{'':<14} rows  new  threads  generate      ours     bound    ours / generate")
    held = [one(setting, rows, speed) for setting in (embedded(), large()) for rows in BATCHES]
    return all(held)


def one(setting: Setting, num_rows: int, speed: dict[int, float]) -> bool:
    """A line of the table, and whether it holds."""
    torch.set_num_threads(setting.num_threads)
    contexts, num_new = prompts(num_rows), setting.num_new
    rounds, (theirs, own) = in_turn(
        lambda: generate(setting.peer, contexts, num_new),
        lambda: decode(setting.model.network, contexts, num_new),
    )
    needed = NEEDED[setting.name.split()[-1]]
    ratio = ratio_of(rounds)
    is_equal = are_same(setting.peer, contexts, own, theirs)
    rates = [num_rows * num_new / seconds_of(rounds, side) for side in (0, 1)]
    read = sum(w.nbytes for w in setting.peer.parameters())
    bound = num_rows * speed[setting.num_threads] / read
    print(
        f"{setting.name:<14}{num_rows:>5}{num_new:>5}{setting.num_threads:>9}{rates[0]:>10.0f}"
        f"{rates[1]:>10.0f}{bound:>10.0f}    {verdict(ratio, needed, is_equal)}; "
        f"{rates[1] / bound:.0%} of the bound",
        flush=True,
    )
    return ratio >= needed and is_equal


def bandwidth() -> dict[int, float]:
    """Bytes a second that are read from memory, by threads: the bound is all weights once a token.

    A network that fits in the processor's cache may be read faster than that.
    """
    block = torch.ones(READ_BYTES // 4, device=embedded().peer.device)
    found = {}
    for threads in sorted({setting.num_threads for setting in (embedded(), large())}):
        torch.set_num_threads(threads)
        found[threads] = READ_BYTES / min(seconds(lambda: block.sum().item()) for _ in range(5))
        print(f"memory reads {found[threads] / 1e9:.1f} GB/s on {threads} thread(s)")
    return found


def seconds(work: Any) -> float:
    """Of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cache() -> bool:
    """What keeping keys and values saves: the loop with them against the loop without."""
    from acclimate.core.model import Sampling
    from acclimate.inference.engine.sequence_batch import NetworkSource
    from acclimate.inference.generate import decode_jointly

    setting = embedded()
    torch.set_num_threads(setting.num_threads)
    network, contexts, sampling = (
        setting.model.network,
        prompts(4, 128),
        Sampling(max_new_tokens=setting.num_new),
    )

    def written(has_cache: bool) -> Any:
        reader = NetworkSource(network, contexts, has_cache=has_cache)
        return decode_jointly([reader], sampling, is_stop=lambda _: False)

    rounds, (without, kept) = in_turn(lambda: written(False), lambda: written(True))
    is_equal = are_same(setting.peer, contexts, kept, without)
    print(
        f"\ncache: 4 rows of 128 + {setting.num_new} tokens, reading all again at every token over "
        f"keeping keys and values: {verdict(ratio_of(rounds), 1.0, is_equal)}",
        flush=True,
    )
    return is_equal and ratio_of(rounds) > 1


def prefix() -> bool:
    """Requests that begin alike, against generate on all of them as one batch."""
    setting, num = embedded(), 8 if IS_QUICK else NUM_REQUESTS
    torch.set_num_threads(setting.num_threads)
    (shared,) = prompts(1, PREFIX_TOKENS)
    contexts = [shared + own for own in prompts(num, OWN_TOKENS)]
    rounds, (theirs, own) = in_turn(
        lambda: generate(setting.peer, contexts, PREFIX_NEW),
        lambda: decode(setting.model.network, contexts, PREFIX_NEW),
    )
    is_equal = are_same(setting.peer, contexts, own, theirs)
    ratio = ratio_of(rounds)
    print(
        f"\nprefix: {num} requests of {PREFIX_TOKENS} shared + {OWN_TOKENS} own tokens, "
        f"{PREFIX_NEW} new: generate {seconds_of(rounds, 0):.2f} s, ours "
        f"{seconds_of(rounds, 1):.2f} s: {verdict(ratio, NEEDED_PREFIX, is_equal)}",
        flush=True,
    )
    return ratio >= NEEDED_PREFIX and is_equal


if __name__ == "__main__":
    sys.exit(main())
