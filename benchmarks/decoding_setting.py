"""What the decoding benchmarks share: models, prompts, peers and clocks."""

import copy
import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

import torch

IS_QUICK = bool(os.environ.get("QUICK"))
"""Fewer rounds and shorter answers, to see that all runs."""
NUM_ROUNDS = 2 if IS_QUICK else 7
SEED = 0
PROMPT_TOKENS = 32
LARGE_PARAMS = 20_000_000 if IS_QUICK else 150_000_000
BATCHES = (1, 16)
TIE = 1e-4
"""Two tokens whose logits are no further apart are as good: rounding chooses."""


@dataclass(frozen=True)
class Setting:
    """A model, the same network as transformers has it, and how long its answers are."""

    name: str
    model: Any
    """Ours: a LocalModel."""
    peer: Any
    """A plain transformers network with the same weights."""
    num_new: int

    @property
    def num_threads(self) -> int:
        """What the model runs on when it is loaded."""
        from acclimate.nn.threads import SMALL_PARAMS

        is_small = self.peer.num_parameters() < SMALL_PARAMS
        return 1 if is_small else len(os.sched_getaffinity(0))


def main() -> int:
    """Print what is measured on what."""
    print(conditions())
    return 0


@cache
def embedded() -> Setting:
    """The base that comes with the package."""
    from acclimate.models.local.embedded import Embedded

    model = Embedded().load()
    return Setting("embedded", model, plain(model.network), 16 if IS_QUICK else 128)


@cache
def large() -> Setting:
    """A Llama of random weights with the embedded base's tokenizer."""
    from acclimate.inference.local_model import LocalModel
    from acclimate.nn.architectures.build import ModelSettings, new_network
    from acclimate.nn.fast_linear import use_fast_linears

    base, settings = embedded().model, ModelSettings(size=LARGE_PARAMS, max_seq_len=1024)
    network = new_network(settings, base.tokenizer, seed=SEED).to(base.network.device)
    network = use_fast_linears(network).eval().requires_grad_(False)
    name, num_new = f"{network.num_parameters() / 1e6:.0f}M random", 8 if IS_QUICK else 32
    return Setting(name, LocalModel(network, base.tokenizer), plain(network), num_new)


def plain(network: Any) -> Any:
    """The same network around the same weights, with transformers' own linear layers."""
    shared = [*network.parameters(), *network.buffers()]
    found = copy.deepcopy(network, {id(tensor): tensor for tensor in shared})
    for module in found.modules():
        if isinstance(module, torch.nn.Linear):
            module.__class__ = torch.nn.Linear
    return found


def conditions() -> str:
    """What was measured with."""
    from acclimate.study.environment import hardware, versions

    found = versions()
    names = [f"{name} {found[name]}" for name in ("torch", "transformers") if name in found]
    return (
        f"{hardware()}, Python {platform.python_version()}, {', '.join(names)}; float32, seed "
        f"{SEED}, greedy, medians of {NUM_ROUNDS} rounds in turn"
    )


def prompts(num: int, width: int = PROMPT_TOKENS) -> list[list[int]]:
    """Random token ids, rows of one width."""
    draw = torch.Generator().manual_seed(SEED)
    size = embedded().peer.config.vocab_size
    return torch.randint(2, size, (num, width), generator=draw).tolist()


def generate(peer: Any, contexts: Sequence[list[int]], num_new: int, **how: Any) -> list[list[int]]:
    """What transformers writes, always so many tokens."""
    rows = torch.tensor(contexts, device=peer.device)
    peer.generation_config.eos_token_id = None
    fixed = {"attention_mask": torch.ones_like(rows), "do_sample": False, "pad_token_id": 0}
    out = peer.generate(rows, max_new_tokens=num_new, **fixed, **how)
    written: list[list[int]] = out[:, rows.shape[1] :].tolist()
    return written


def decode(network: Any, contexts: Sequence[list[int]], num_new: int) -> list[list[int]]:
    """What our loop writes, always so many tokens."""
    from acclimate.core.model import Sampling
    from acclimate.inference.generate import decode as loop

    return loop(network, contexts, Sampling(max_new_tokens=num_new), is_stop=lambda _: False)


def in_turn(*sides: Callable[[], Any]) -> tuple[list[list[float]], list[Any]]:
    """Seconds of each side in each round, and what each gave; once before, to warm up."""
    found: list[Any] = [side() for side in sides]
    rounds: list[list[float]] = []
    gc.disable()
    for _ in range(NUM_ROUNDS):
        times = []
        for place, side in enumerate(sides):
            start = time.perf_counter()
            found[place] = side()
            times.append(time.perf_counter() - start)
        rounds.append(times)
        gc.collect()
    gc.enable()
    return rounds, found


def ratio_of(rounds: Sequence[Sequence[float]], theirs: int = 0, ours: int = 1) -> float:
    """How many times as long theirs takes as ours; the median round's."""
    return median(times[theirs] / times[ours] for times in rounds)


def seconds_of(rounds: Sequence[Sequence[float]], side: int) -> float:
    """Of a side, the median round's."""
    return median(times[side] for times in rounds)


def are_same(peer: Any, contexts: Sequence[list[int]], own: Any, theirs: Any) -> bool:
    """Whether answers are equal up to where two tokens are equally likely."""
    for context, mine, other in zip(contexts, own, theirs, strict=True):
        apart = [i for i, pair in enumerate(zip(mine, other, strict=True)) if pair[0] != pair[1]]
        if apart and not is_tie(peer, [*context, *other[: apart[0]]], mine[apart[0]]):
            return False
    return True


def is_tie(peer: Any, read: list[int], token: int) -> bool:
    """Whether a token is as likely as the likeliest after what was read."""
    with torch.inference_mode():
        logits = peer(torch.tensor([read], device=peer.device)).logits[0, -1]
    return float(logits.max() - logits[token]) <= TIE


def verdict(ratio: float, needed: float, is_equal: bool) -> str:
    """How a line ends."""
    equal = "equal answers" if is_equal else "OTHER ANSWERS"
    return f"{ratio:6.2f} x (at least {needed}) {equal}  {'ok' if ratio >= needed else 'BELOW'}"


if __name__ == "__main__":
    sys.exit(main())
