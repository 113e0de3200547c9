"""Adapters of one base are averaged in one pass, and take the base and themselves."""

import sys
from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from ensemble import (
    NEW_TOKENS,
    NUM_PROMPTS,
    SIZES,
    Vocabulary,
    conditions,
    contexts_of,
    network_of,
    ratio_of,
    threads,
)

RANK = 8
NEEDED = 1.1
"""Times as long as passes of their own, at most: where one pass would be the longer none is made,
and what is left is noise."""
NUM_MEMBERS = (2, 4, 8)


def main() -> int:
    """Print the table, of the sizes named as arguments or of all; 1 where the claim fails."""
    torch.set_num_threads(threads())
    print(conditions(f"LoRA of rank {RANK}, prompts"))
    print(f"{'':<6} adapters, prompts      apart   one pass   ratio (of each round, median)")
    holds = True
    for name in sys.argv[1:] or SIZES:
        for num_members, num_prompts in product(NUM_MEMBERS, (1, NUM_PROMPTS)):
            holds = one_pass(name, SIZES[name], num_members, num_prompts) <= NEEDED and holds
        holds = memory(name, SIZES[name]) and holds
    print(f"at most {NEEDED} times, and base + adapters in memory: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


def one_pass(name: str, size: dict[str, int], num_members: int, num_prompts: int) -> float:
    """The average of adapters of one base, written in one pass and in one each."""
    from acclimate.core.model import Sampling
    from acclimate.ensembles.token_level.mixtures import Mixture
    from acclimate.ensembles.token_level.shared_pass import share_passes
    from acclimate.inference.generate import decode_jointly

    _, members = adapted(size, num_members)
    contexts = contexts_of(num_prompts, size["vocab_size"])
    seats = seats_of(members, contexts)
    mixture, weights = Mixture(space="probability"), torch.ones(num_prompts, num_members)

    def write(readers: Any, take: Callable[[Any], Any]) -> None:
        decode_jointly(
            readers,
            Sampling(max_new_tokens=NEW_TOKENS),
            is_stop=lambda _: False,
            join=lambda logits, rows: mixture.scores(take(logits), weights[list(rows)]),
        )

    label = f"{name:<6} {num_members} adapters, {num_prompts}"
    return ratio_of(
        label, lambda: write([s.source for s in seats], list), lambda: write(*share_passes(seats))
    )


def seats_of(members: list[Any], contexts: list[list[int]]) -> list[Any]:
    """Members that all read the same prompts."""
    from acclimate.core.prompt import Prompt
    from acclimate.ensembles.token_level.member_prompts import MemberPrompts

    return [MemberPrompts(m, (), [(Prompt(""), ids, []) for ids in contexts]) for m in members]


def memory(name: str, size: dict[str, int]) -> bool:
    """Weights of adapters that write together; whether they are the base's and the adapters'."""
    from acclimate.ensembles.token_level.shared_pass import share_passes

    base, members = adapted(size, max(NUM_MEMBERS))
    share_passes(seats_of(members, contexts_of(1, size["vocab_size"])))
    whole = num_bytes(base, *members)
    adapters = sum(
        weight.nbytes
        for member in members
        for key, weight in member.network.state_dict().items()
        if "lora_" in key
    )
    own, mib = num_bytes(base), 2**20
    print(
        f"{name:<6} {len(members)} LoRA members of rank {RANK}: {whole / mib:.2f} MiB; base "
        f"{own / mib:.2f} + adapters {adapters / mib:.2f}; copies would be "
        f"{(len(members) * own + adapters) / mib:.2f}"
    )
    return whole <= own + adapters


def adapted(size: dict[str, int], num_members: int) -> tuple[Any, list[Any]]:
    """A base, and so many adapters of it."""
    from acclimate.inference.local_model import LocalModel
    from acclimate.nn.adapters.low_rank import LowRank
    from acclimate.nn.adapters.peft import PeftAdapter

    form = LowRank(RANK, 2.0 * RANK, 0.0, "all-linear")
    base = LocalModel(network_of(size, 0), Vocabulary(size["vocab_size"]))

    def put_on(network: Any) -> PeftAdapter:
        found = PeftAdapter.new(network, form.config(network))
        found.network.eval().requires_grad_(requires_grad=False)
        return found

    return base, [base.adapted(put_on) for _ in range(num_members)]


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
