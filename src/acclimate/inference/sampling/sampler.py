"""The sampler: draws next tokens from logits (temperature, top-k, top-p, min-p).

Letters: B rows, R of them that are drawn alike, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.runtime.seeding import derive
from acclimate.inference.structured.constraint import Constraint
from acclimate.inference.structured.grammar import fields_asked

MIN_TEMPERATURE, MAX_TEMPERATURE = 1e-5, 1e30
"""Below the one a draw is greedy, above the other it grows no wilder: logits divided by so little
or so much are no numbers any more."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token that was drawn, with its log-probability by the model's own logits."""

    token: int
    logprob: float
    """Nats."""
    likeliest: tuple[tuple[int, float], ...]
    """The likeliest tokens at its position and their log-probabilities, likeliest first."""


class SamplingState:
    """What decides a sequence's next token beside the logits, and the tokens it has written.

    Args:
        sampling: How its tokens are drawn.
        index: Of the sequence in its request; with the seed it decides every draw.
        read: Token ids before the answer that a repetition penalty counts; of an
            encoder-decoder, those that the decoder read.
        constraint: What its text must be.

    Raises:
        NotApplicableError: The sampling asks for a constraint, and there is none.
    """

    def __init__(
        self,
        sampling: Sampling,
        index: int,
        read: list[int],
        constraint: Constraint | None = None,
    ) -> None:
        if constraint is None and (names := fields_asked(sampling)):
            raise NotApplicableError(
                f"{names[0]}: this model does not write token by token in one vocabulary, by which "
                "an answer is held to it; ask a single model, or without it"
            )
        self.sampling, self.index, self.constraint = sampling, index, constraint
        self.read = torch.tensor(read if sampling.repetition_penalty != 1 else [], dtype=torch.long)
        self.written: list[int] = []
        self.token_logprobs: list[TokenLogprob] = []
        self.is_greedy = sampling.temperature < MIN_TEMPERATURE
        self.is_plain = (
            self.is_greedy
            and constraint is None
            and sampling.repetition_penalty == 1
            and sampling.logprobs is None
        )
        """Whether its next token is simply the likeliest, and no log-probabilities are wanted."""

    @cached_property
    def generator(self) -> torch.Generator:
        """Random numbers of its own, so that no other sequence in the batch moves its draws."""
        return torch.Generator().manual_seed(derive(self.sampling.seed, self.index))

    def uniform(self) -> float:
        """The next of its random numbers, in [0, 1)."""
        return float(torch.rand((), generator=self.generator, dtype=torch.float64))

    def write(self, token: int) -> None:
        """Add a token to the answer."""
        self.written.append(token)
        if self.constraint is not None:
            self.constraint.take(token)

    def rollback(self, num_tokens: int) -> None:
        """Forget the last tokens; random numbers that were used stay used."""
        num_left = len(self.written) - num_tokens
        del self.written[num_left:], self.token_logprobs[num_left:]
        if self.constraint is not None:
            self.constraint.rollback(num_tokens)

    def require_kept(self) -> None:
        """Refuse an answer that its constraint could not be held to, as far as it came.

        Raises:
            ConfigError: The constraint, and why.
        """
        if self.constraint is not None:
            self.constraint.require_kept()


def sample(logits: torch.Tensor, states: Sequence[SamplingState]) -> torch.Tensor:
    """Draw one token a row from logits (B, V) and write it; ids (B,).

    A row's token does not depend on the others in the batch.
    """
    ids = likeliest(logits)  # (B,)
    for rows in _draw_groups(states):
        group = [states[row] for row in rows]
        ids[rows] = _draw(logits[rows], group)
    write(logits, states, ids.tolist())
    return ids


def likeliest(logits: torch.Tensor) -> torch.Tensor:
    """The likeliest tokens (...) by logits (..., V)."""
    if logits.device.type == "cpu" and logits.dtype == torch.float32:
        # Ten times as fast as torch, for which several rows of a large vocabulary take long.
        return torch.from_numpy(logits.numpy().argmax(-1))
    return logits.argmax(-1)


def write(logits: torch.Tensor, states: Sequence[SamplingState], tokens: Sequence[int]) -> None:
    """Write a token a row, drawn from logits (B, V)."""
    for state, token in zip(states, tokens, strict=True):
        state.write(token)
    _record_logprobs(logits, states)


def distribution(logits: torch.Tensor, state: SamplingState) -> torch.Tensor:
    """Probabilities (V,) that the next token is drawn with, from logits (V,)."""
    return distributions(logits[None], [state])[0]


def distributions(logits: torch.Tensor, states: Sequence[SamplingState]) -> torch.Tensor:
    """Probabilities (R, V) of rows that are drawn alike, from logits (R, V)."""
    sampling = states[0].sampling
    scores = _adjusted(logits, states)
    if states[0].is_greedy:
        return torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).float()
    return truncate_logits(scores / min(sampling.temperature, MAX_TEMPERATURE), sampling).softmax(
        -1
    )


def _draw_groups(states: Sequence[SamplingState]) -> list[list[int]]:
    """Groups of the rows that are not plain, by how their distribution is made."""
    groups: dict[tuple[float, ...], list[int]] = {}
    for row, state in enumerate(states):
        if not state.is_plain:
            sampling = state.sampling
            # Penalties and constraints are applied a row at a time.
            key = (sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p)
            groups.setdefault(key, []).append(row)
    return list(groups.values())


def _draw(logits: torch.Tensor, states: Sequence[SamplingState]) -> torch.Tensor:
    """Ids (R,) from logits (R, V): where the distribution function passes a random number."""
    if states[0].is_greedy:
        return _adjusted(logits, states).argmax(-1)
    cumulative = distributions(logits, states).cumsum(-1, dtype=torch.float64)  # (R, V)
    uniform = cumulative.new_tensor([[state.uniform()] for state in states])
    ids = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)[:, 0]
    return ids.clamp(max=logits.shape[-1] - 1)


def _adjusted(logits: torch.Tensor, states: Sequence[SamplingState]) -> torch.Tensor:
    """A copy of logits (R, V), floats, with each row's penalty and constraint."""
    scores = logits.to(torch.float32, copy=True)
    for row, state in zip(scores, states, strict=True):
        penalty = state.sampling.repetition_penalty
        if penalty != 1:
            seen = torch.cat([state.read, torch.tensor(state.written, dtype=torch.long)])
            seen = seen.to(row.device)
            seen_scores = row[seen]
            row[seen] = torch.where(seen_scores < 0, seen_scores * penalty, seen_scores / penalty)
        if state.constraint is not None:
            allowed = state.constraint.allowed(len(row)).to(row.device)
            row.masked_fill_(~allowed, float("-inf"))
    return scores


def _record_logprobs(logits: torch.Tensor, states: Sequence[SamplingState]) -> None:
    """Record the log-probabilities of the tokens just written, and of the likeliest."""
    for row, state in enumerate(states):
        num_likeliest = state.sampling.logprobs
        if num_likeliest is None:
            continue
        logprobs = logits[row].float().log_softmax(-1)  # (V,)
        best = logprobs.topk(min(num_likeliest, len(logprobs)))
        likeliest = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        token = state.written[-1]
        state.token_logprobs.append(TokenLogprob(token, logprobs[token].item(), tuple(likeliest)))


def truncate_logits(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Logits (R, V) with all outside top-k, the top-p nucleus or min-p at minus infinity."""
    if sampling.top_k:
        smallest = logits.topk(min(sampling.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, float("-inf"))
    if sampling.top_p < 1:
        logits = _nucleus(logits, sampling.top_p)
    if sampling.min_p > 0:
        probs = logits.softmax(-1)
        least = sampling.min_p * probs.amax(-1, keepdim=True)
        logits = logits.masked_fill(probs < least, float("-inf"))
    return logits


def _nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Logits (R, V) with all outside the nucleus at minus infinity.

    Differs: tokens that are as likely as the last one in it stay, too.
    """
    if logits.device.type == "cpu":  # NumPy orders numbers many times faster there
        ordered = torch.from_numpy(np.sort(logits.detach().numpy())).flip(-1)
    else:
        ordered = logits.sort(descending=True).values
    probs = ordered.softmax(-1)
    # A token is in the nucleus while what lies before it is below top_p.
    outside = probs.cumsum(-1) - probs >= top_p
    least = ordered.masked_fill(outside, float("inf")).amin(-1, keepdim=True)
    return logits.masked_fill(logits < least, float("-inf"))
