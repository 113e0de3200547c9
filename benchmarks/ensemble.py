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
RANK = 8
"""Of the adapters whose memory is counted."""


class Vocabulary:
    """All that making a network needs of a tokenizer."""

    eos_token_id, pad_token_id = 0, 1

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


def main() -> int:
    """Print the table; 1 where the claim does not hold."""
    torch.set_num_threads(threads())
    print(conditions())
    print(f"{'':<6} space        sum of members   joined   ratio (of each round, median)")
    holds = True
    for name, size in SIZES.items():
        networks = [network_of(size, seed) for seed in range(NUM_MEMBERS)]
        for space in ("probability", "log"):
            holds = compare(name, networks, size["vocab_size"], space) <= NEEDED and holds
    shares = [memory(name, size) for name, size in SIZES.items()]
    holds = holds and all(shares)
    print(f"at most {NEEDED} times, and base + adapters in memory: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


def conditions() -> str:
    """What was measured on what."""
    return (
        f"{NUM_MEMBERS} members, {NUM_PROMPTS} prompts of {PROMPT_TOKENS} tokens, {NEW_TOKENS} new "
        f"tokens each, median of {NUM_ROUNDS} rounds in turn, float32, {threads()} thread(s); "
        f"{platform.processor() or platform.machine()}, torch {version('torch')}, transformers "
        f"{version('transformers')}"
    )


def threads() -> int:
    """Threads of every contender."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def network_of(size: dict[str, int], seed: int) -> Any:
    """A network of random weights, ready to answer."""
    from acclimate.nn.architectures import ModelSettings, new_network
    from acclimate.nn.linear import use_fast_linears

    shape = {k: v for k, v in size.items() if k != "vocab_size"}
    settings = ModelSettings(**shape, max_seq_len=PROMPT_TOKENS + NEW_TOKENS)
    network = new_network(settings, Vocabulary(size["vocab_size"]), seed=seed)
    return use_fast_linears(network).eval().requires_grad_(False)


def compare(name: str, networks: list[Any], vocab_size: int, space: str) -> float:
    """Rounds of each alone and all together in turn; the median ratio of their times."""
    from acclimate.core.model import Sampling
    from acclimate.decoding.loop import decode, decode_jointly
    from acclimate.decoding.rows import NetworkReader
    from acclimate.nn.mixtures import Mixture

    rng = np.random.default_rng(0)
    contexts = rng.integers(2, vocab_size, (NUM_PROMPTS, PROMPT_TOKENS)).tolist()
    sampling, mixture = Sampling(max_new_tokens=NEW_TOKENS), Mixture(space=space)
    weights = torch.ones(NUM_PROMPTS, len(networks))

    def alone() -> None:
        for network in networks:
            decode(network, contexts, sampling, is_stop=lambda _: False)

    def joined() -> None:
        readers = [NetworkReader(network, contexts) for network in networks]
        decode_jointly(
            readers,
            sampling,
            is_stop=lambda _: False,
            join=lambda logits, rows: mixture.scores(logits, weights[list(rows)]),
        )

    alone(), joined()  # warm
    rounds = [(seconds(alone), seconds(joined)) for _ in range(NUM_ROUNDS)]
    ratio = median(together / apart for apart, together in rounds)
    apart, together = (median(own) for own in zip(*rounds, strict=True))
    print(f"{name:<6} {space:<12} {apart:>12.3f} s {together:>8.3f} s   {ratio:.3f}")
    return ratio


def seconds(work: Callable[[], None]) -> float:
    """Wall time."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory(name: str, size: dict[str, int]) -> bool:
    """Weights of members that are adapters on one base; whether they are base and adapters."""
    from acclimate.decoding.local_model import LocalModel
    from acclimate.nn.low_rank import LowRank
    from acclimate.nn.peft_adapter import PeftAdapter

    form = LowRank(RANK, 2.0 * RANK, 0.0, "all-linear")
    base = LocalModel(network_of(size, 0), Vocabulary(size["vocab_size"]))

    def put_on(network: Any) -> PeftAdapter:
        return PeftAdapter.new(network, form.config(network))

    members = [base.adapted(put_on) for _ in range(NUM_MEMBERS)]
    whole = num_bytes(base, *members)
    adapters = sum(
        weight.nbytes
        for member in members
        for key, weight in member.network.state_dict().items()
        if "lora_" in key
    )
    own, mib = num_bytes(base), 2**20
    print(
        f"{name:<6} {NUM_MEMBERS} LoRA members of rank {RANK}: {whole / mib:.2f} MiB; base "
        f"{own / mib:.2f} + adapters {adapters / mib:.2f}; copies would be "
        f"{(NUM_MEMBERS * own + adapters) / mib:.2f}"
    )
    return whole <= own + adapters


def num_bytes(*models: Any) -> int:
    """Of every distinct weight in memory."""
    found = {}
    for model in models:
        for weight in model.network.state_dict(keep_vars=True).values():
            storage = weight.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())


if __name__ == "__main__":
    sys.exit(main())
