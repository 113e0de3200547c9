"""Log-likelihoods under one network, or several whose distributions are combined.

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
    """One continuation and the logits that all networks have at its tokens."""

    request: int
    continuation: int
    """Its index among the request's continuations."""
    tokens: list[int]
    logits: list[torch.Tensor]
    """Of each network, (T, V): those that predict each of the tokens."""


def score(network: Any, requests: Sequence[ScoringRequest]) -> list[list[float]]:
    """Sum of log-probabilities of each continuation of each request, nats, in order."""
    scores: list[list[float]] = score_jointly([(network, requests)], _alone)
    return scores


def _alone(logits: Sequence[torch.Tensor], _requests: Sequence[int]) -> torch.Tensor:
    return logits[0].float().log_softmax(-1)


@torch.inference_mode()
def score_jointly(
    networks: Sequence[tuple[Any, Sequence[ScoringRequest]]], combine_logprobs: CombineLogits
) -> list[list[float]]:
    """The same under several networks' distributions, combined at every token.

    Args:
        networks: Each with requests of its own contexts and the same continuations.
        combine_logprobs: From logits (T, V) of each, and the request that the rows are of, to
            log-probabilities (T, V).
    """
    scores = [[0.0] * len(request.continuations) for request in networks[0][1]]
    for forced in forced_logits(networks):
        logprobs = combine_logprobs(forced.logits, [forced.request] * len(forced.tokens))
        scores[forced.request][forced.continuation] = float(
            of_tokens(logprobs, forced.tokens).sum()
        )
    return scores


@torch.inference_mode()
def forced_logits(
    networks: Sequence[tuple[Any, Sequence[ScoringRequest]]],
) -> Iterator[ForcedLogits]:
    """Every continuation with the logits of each network, in batches of like length."""
    if not networks[0][1]:
        return
    members = [TeacherForcing(network, requests) for network, requests in networks]
    lengths = [max(of_request) for of_request in zip(*(r.lengths for r in members), strict=True)]
    is_cpu = any(network.device.type == "cpu" for network, _ in networks)
    with progress("scoring", len(lengths)) as advance:
        for group in by_length(lengths, CPU_BATCH_TOKENS if is_cpu else MAX_BATCH_TOKENS):
            with ONE_PASS:
                read = [member.logits(group) for member in members]
            for row, request in enumerate(group):
                for number, tokens in enumerate(networks[0][1][request].continuations):
                    logits = [of_request[row][number] for of_request in read]
                    yield ForcedLogits(request, number, tokens, logits)
            advance(len(group))


def of_tokens(logprobs: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
    """Log-probabilities (T,) of the tokens (T,) among those (T, V) of all."""
    target = torch.tensor(tokens, device=logprobs.device)
    return logprobs.gather(1, target[:, None])[:, 0]
