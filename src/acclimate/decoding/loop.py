"""The one decoding loop: read the prompts, then write a token at a time.

Letters: B rows, V vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from acclimate.core.cost import Cost, spend
from acclimate.core.model import Sampling
from acclimate.core.progress import progress
from acclimate.decoding.batching import by_length
from acclimate.decoding.rows import NetworkReader, Reader, Rows

IsStop = Callable[[list[int]], bool]
"""Told the new ids of one row; whether that row is done."""
Join = Callable[[Sequence[torch.Tensor], Sequence[int]], torch.Tensor]
"""Logits (B, V) of each reader, and which prompts the rows are, to those that are drawn from."""


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
    reader = NetworkReader(network, contexts, routes, window)
    answers: list[list[int]] = decode_jointly([reader], sampling, is_stop=is_stop)
    return answers


def only(logits: Sequence[torch.Tensor], _prompts: Sequence[int]) -> torch.Tensor:
    """What the only reader says."""
    return logits[0]


@torch.inference_mode()
def decode_jointly(
    readers: Sequence[Reader], sampling: Sampling, *, is_stop: IsStop, join: Join = only
) -> list[list[int]]:
    """What all readers write together after each prompt, in order.

    Each reads its own layout of every prompt and keeps its own keys and values; what is drawn
    from their joined distribution is written to all, and a row that is done leaves all.

    Args:
        readers: Of the same prompts in the same order, and of the same symbols.
        sampling: How a symbol is drawn.
        is_stop: Told the new symbols of one row; whether that row is done.
        join: What the readers' logits come to.
    """
    budget = sampling.max_new_tokens
    lengths = [max(own) + budget for own in zip(*(r.lengths for r in readers), strict=True)]
    rooms = [min(budget, *own) for own in zip(*(r.rooms for r in readers), strict=True)]
    answers: list[list[int]] = [[] for _ in lengths]
    generator = torch.Generator(device="cpu").manual_seed(sampling.seed)

    def is_over(prompt: int, symbols: list[int]) -> bool:
        return is_stop(symbols) or len(symbols) >= rooms[prompt]

    def draw(logits: Sequence[torch.Tensor], prompts: Sequence[int]) -> torch.Tensor:
        return sample(join(logits, prompts), sampling, generator)

    with progress("answering", len(lengths)) as advance:
        for group in by_length(lengths):
            rows = [reader.rows(group) for reader in readers]
            written = {i: answers[i] for i in group}
            _write(rows, written, draw, is_over)
            num_new = sum(map(len, written.values()))
            for reader in readers:
                reader.spend(group, num_new)
            spend(Cost(new_tokens=num_new))
            advance(len(group))
    return answers


@torch.inference_mode()
def prefill_logits(
    network: Any, contexts: Sequence[list[int]], routes: Sequence[int | None] = ()
) -> torch.Tensor:
    """Logits (B, V) of the token after each context."""
    reader = NetworkReader(network, contexts, routes)
    everything = range(len(contexts))
    reader.spend(everything, 0)
    return reader.rows(everything).prefill()


def sample(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> torch.Tensor:
    """Draw one token a row from logits (B, V); ids of shape (B,)."""
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probs = kept(logits.float() / sampling.temperature, sampling).softmax(-1)  # (B, V)
    return torch.multinomial(probs.cpu(), 1, generator=generator)[:, 0].to(logits.device)


def kept(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Logits (B, V) with everything outside top-k and the top-p nucleus at minus infinity."""
    if sampling.top_k:
        smallest = logits.topk(min(sampling.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, float("-inf"))
    if sampling.top_p < 1:
        ordered, order = logits.sort(descending=True)
        probs = ordered.softmax(-1)
        # A token is in the nucleus while what lies before it is below top_p.
        outside = probs.cumsum(-1) - probs >= sampling.top_p
        logits = logits.masked_fill(outside.scatter(1, order, outside), float("-inf"))
    return logits


def _write(
    rows: Sequence[Rows],
    answers: dict[int, list[int]],
    draw: Callable[[Sequence[torch.Tensor], Sequence[int]], torch.Tensor],
    is_over: Callable[[int, list[int]], bool],
) -> None:
    """Add to the answers, by prompt, until each is over."""
    logits = [own.prefill() for own in rows]
    running = list(answers)
    while True:
        symbols = draw(logits, running)
        for prompt, symbol in zip(running, symbols.tolist(), strict=True):
            answers[prompt].append(symbol)
        keep = [i for i, prompt in enumerate(running) if not is_over(prompt, answers[prompt])]
        if not keep:
            break
        if len(keep) < len(running):
            symbols = symbols[keep]
            for own in rows:
                own.select(keep)
            running = [running[i] for i in keep]
        logits = [own.step(symbols) for own in rows]
