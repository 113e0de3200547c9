"""Log-likelihoods under one network, or under several joined at every token.

Letters: T tokens of a continuation, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from acclimate.core.runtime.progress import progress
from acclimate.inference.engine.batching import MAX_BATCH_TOKENS, by_length
from acclimate.inference.engine.request import CombineLogits
from acclimate.inference.engine.turn_lock import ONE_PASS
from acclimate.inference.scoring.teacher_forcing import ScoringRequest, TeacherForcing

CPU_BATCH_TOKENS = 1024
"""Tokens in one pass on a CPU: what more rows save there, padding and cache misses cost again."""


class ForcedLogits(NamedTuple):
    """One continuation as all networks see it."""

    request: int
    place: int
    """Among the request's continuations."""
    tokens: list[int]
    logits: list[torch.Tensor]
    """Of each network, (T, V): what it expects where each of the tokens stands."""


def score(network: Any, requests: Sequence[ScoringRequest]) -> list[list[float]]:
    """Sum of log-probabilities of each continuation, nats, in the order asked."""
    scores: list[list[float]] = score_jointly([(network, requests)], _alone)
    return scores


def _alone(logits: Sequence[torch.Tensor], _requests: Sequence[int]) -> torch.Tensor:
    return logits[0].float().log_softmax(-1)


@torch.inference_mode()
def score_jointly(
    asked: Sequence[tuple[Any, Sequence[ScoringRequest]]], join: CombineLogits
) -> list[list[float]]:
    """The same under what several networks' distributions come to at every token.

    Args:
        asked: Networks, each with its own contexts before the same continuations.
        join: From logits (T, V) of each, and the request that the rows are of, to
            log-probabilities (T, V).
    """
    scores = [[0.0] * len(request.continuations) for request in asked[0][1]]
    for found in forced_logits(asked):
        logprobs = join(found.logits, [found.request] * len(found.tokens))
        scores[found.request][found.place] = float(of_tokens(logprobs, found.tokens).sum())
    return scores


@torch.inference_mode()
def forced_logits(asked: Sequence[tuple[Any, Sequence[ScoringRequest]]]) -> Iterator[ForcedLogits]:
    """Every continuation with what each network expects in it, in batches of like length."""
    if not asked[0][1]:
        return
    readers = [TeacherForcing(network, requests) for network, requests in asked]
    lengths = [max(own) for own in zip(*(r.lengths for r in readers), strict=True)]
    is_cpu = any(network.device.type == "cpu" for network, _ in asked)
    with progress("scoring", len(lengths)) as advance:
        for group in by_length(lengths, CPU_BATCH_TOKENS if is_cpu else MAX_BATCH_TOKENS):
            with ONE_PASS:
                read = [reader.logits(group) for reader in readers]
            for row, request in enumerate(group):
                for place, tokens in enumerate(asked[0][1][request].continuations):
                    logits = [own[row][place] for own in read]
                    yield ForcedLogits(request, place, tokens, logits)
            advance(len(group))


def of_tokens(logprobs: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
    """Log-probabilities (T,) of the tokens (T,) among those (T, V) of all."""
    target = torch.tensor(tokens, device=logprobs.device)
    return logprobs.gather(1, target[:, None])[:, 0]
