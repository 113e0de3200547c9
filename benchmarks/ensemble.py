"""Averaging token by token against the sum of what its members take by themselves."""

import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np
import torch

NEEDED = 1.15
"""Times the sum of the members' own decoding, at most, at every size."""
SIZES = {
    "1.3M": {"num_layers": 4, "embed_dim": 128, "num_heads": 4, "vocab_size": 4096},
    "8M": {"num_layers": 6, "embed_dim": 256, "num_heads": 8, "vocab_size": 8192},
    "30M": {"num_layers": 9, "embed_dim": 512, "num_heads": 8, "vocab_size": 4096},
}
NUM_MEMBERS, NUM_ROUNDS = 3, 9
NUM_PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 8, 128, 32


class Vocabulary:
    """All that making a network needs of a tokenizer."""

    eos_token_id, pad_token_id = 0, 1
    model_max_length = PROMPT_TOKENS + NEW_TOKENS

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


def main() -> int:
    """Print the table, of the sizes named as arguments or of all; 1 where the claim fails."""
    torch.set_num_threads(threads())
    print(conditions(f"{NUM_MEMBERS} members, {NUM_PROMPTS} prompts"))
    print(f"{'':<6} space        sum of members   joined   ratio (of each round, median)")
    holds = True
    sizes = {name: SIZES[name] for name in sys.argv[1:] or SIZES}
    for name, size in sizes.items():
        networks = [network_of(size, seed) for seed in range(NUM_MEMBERS)]
        for space in ("probability", "log"):
            holds = compare(name, networks, size["vocab_size"], space) <= NEEDED and holds
    print(f"at most {NEEDED} times: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


def conditions(asked: str) -> str:
    """What was measured on what."""
    return (
        f"{asked} of {PROMPT_TOKENS} tokens, {NEW_TOKENS} new "
        f"tokens each, median of {NUM_ROUNDS} rounds in turn, float32, {threads()} thread(s); "
        f"{platform.processor() or platform.machine()}, torch {version('torch')}, transformers "
        f"{version('transformers')}"
    )


def threads() -> int:
    """Threads of every contender."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def network_of(size: dict[str, int], seed: int) -> Any:
    """A network of random weights, ready to answer."""
    from acclimate.nn.architectures.build import ModelSettings, new_network
    from acclimate.nn.fast_linear import use_fast_linears

    shape = {k: v for k, v in size.items() if k != "vocab_size"}
    settings = ModelSettings(**shape, max_seq_len=PROMPT_TOKENS + NEW_TOKENS)
    network = new_network(settings, Vocabulary(size["vocab_size"]), seed=seed)
    return use_fast_linears(network).eval().requires_grad_(False)


def compare(name: str, networks: list[Any], vocab_size: int, space: str) -> float:
    """Rounds of each alone and all together in turn; the median ratio of their times."""
    from acclimate.core.model import Sampling
    from acclimate.ensembles.token_level.mixtures import Mixture
    from acclimate.inference.engine.sequence_batch import NetworkSource
    from acclimate.inference.generate import decode, decode_jointly

    contexts = contexts_of(NUM_PROMPTS, vocab_size)
    sampling, mixture = Sampling(max_new_tokens=NEW_TOKENS), Mixture(space=space)
    weights = torch.ones(NUM_PROMPTS, len(networks))

    def alone() -> None:
        for network in networks:
            decode(network, contexts, sampling, is_stop=lambda _: False)

    def joined() -> None:
        readers = [NetworkSource(network, contexts) for network in networks]
        decode_jointly(
            readers,
            sampling,
            is_stop=lambda _: False,
            join=lambda logits, rows: mixture.scores(logits, weights[list(rows)]),
        )

    return ratio_of(f"{name:<6} {space:<12}    ", alone, joined)


def contexts_of(num_prompts: int, vocab_size: int) -> list[list[int]]:
    """Random prompts."""
    rng = np.random.default_rng(0)
    found: list[list[int]] = rng.integers(2, vocab_size, (num_prompts, PROMPT_TOKENS)).tolist()
    return found


def ratio_of(label: str, apart: Callable[[], None], together: Callable[[], None]) -> float:
    """Rounds of both in turn, printed; the median ratio of their times."""
    apart(), together()  # warm
    rounds = [(seconds(apart), seconds(together)) for _ in range(NUM_ROUNDS)]
    ratio = median(joined / alone for alone, joined in rounds)
    alone, joined = (median(own) for own in zip(*rounds, strict=True))
    print(f"{label:<22} {alone:>9.3f} s {joined:>8.3f} s   {ratio:.3f}", flush=True)
    return ratio


def seconds(work: Callable[[], None]) -> float:
    """Wall time."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
