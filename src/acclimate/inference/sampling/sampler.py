"""How the next token is drawn from what a network expects.

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
    """A token that was drawn, and how likely the model found it, before anything was changed."""

    token: int
    logprob: float
    """Nats."""
    likeliest: tuple[tuple[int, float], ...]
    """Tokens in its place and their log-probabilities, likeliest first."""


class SamplingState:
    """One answer in the making: what decides its next token beside the logits.

    Args:
        sampling: How it is drawn.
        place: Of its prompt among those asked at once; with the seed it decides every draw.
        read: Token ids before the answer that a repetition penalty counts; of an
            encoder-decoder, those that the decoder read.
        constraint: What its text must be.

    Raises:
        NotApplicableError: The sampling asks for a constraint, and there is none.
    """

    def __init__(
        self,
        sampling: Sampling,
        place: int,
        read: list[int],
        constraint: Constraint | None = None,
    ) -> None:
        if constraint is None and (asked := fields_asked(sampling)):
            raise NotApplicableError(
                f"{asked[0]}: this model does not write token by token in one vocabulary, by which "
                "an answer is held to it; ask a single model, or without it"
            )
        self.sampling, self.place, self.constraint = sampling, place, constraint
        self.read = torch.tensor(read if sampling.repetition_penalty != 1 else [], dtype=torch.long)
        self.written: list[int] = []
        self.tokens_told: list[TokenLogprob] = []
        self.is_greedy = sampling.temperature < MIN_TEMPERATURE
        self.is_plain = (
            self.is_greedy
            and constraint is None
            and sampling.repetition_penalty == 1
            and sampling.logprobs is None
        )
        """Whether its next token is the likeliest, and no more is asked."""

    @cached_property
    def generator(self) -> torch.Generator:
        """Its own, so that no other answer in the batch moves its draws."""
        return torch.Generator().manual_seed(derive(self.sampling.seed, self.place))

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
        kept_tokens = len(self.written) - num_tokens
        del self.written[kept_tokens:], self.tokens_told[kept_tokens:]
        if self.constraint is not None:
            self.constraint.rollback(num_tokens)

    def require_kept(self) -> None:
        """Refuse an answer that its constraint could not be held to, as far as it came.

        Raises:
            ConfigError: The constraint, and why.
        """
        if self.constraint is not None:
            self.constraint.require_kept()


def sample(logits: torch.Tensor, drawings: Sequence[SamplingState]) -> torch.Tensor:
    """Draw one token a row from logits (B, V) and write it down; ids (B,).

    A row's token does not depend on the others in the batch.
    """
    ids = likeliest(logits)  # (B,)
    for rows in _alike(drawings):
        own = [drawings[row] for row in rows]
        ids[rows] = _drawn(logits[rows], own)
    write(logits, drawings, ids.tolist())
    return ids


def likeliest(logits: torch.Tensor) -> torch.Tensor:
    """The likeliest tokens (...) by logits (..., V)."""
    if logits.device.type == "cpu" and logits.dtype == torch.float32:
        # Ten times as fast as torch, for which several rows of a large vocabulary take long.
        return torch.from_numpy(logits.numpy().argmax(-1))
    return logits.argmax(-1)


def write(logits: torch.Tensor, drawings: Sequence[SamplingState], tokens: Sequence[int]) -> None:
    """Write down a token a row, as drawn from logits (B, V)."""
    for drawing, token in zip(drawings, tokens, strict=True):
        drawing.write(token)
    _tell(logits, drawings)


def distribution(logits: torch.Tensor, drawing: SamplingState) -> torch.Tensor:
    """Probabilities (V,) that the next token is drawn with, from logits (V,)."""
    return distributions(logits[None], [drawing])[0]


def distributions(logits: torch.Tensor, drawings: Sequence[SamplingState]) -> torch.Tensor:
    """Probabilities (R, V) of rows that are drawn alike, from logits (R, V)."""
    how = drawings[0].sampling
    scores = _adjusted(logits, drawings)
    if drawings[0].is_greedy:
        return torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).float()
    return truncate_logits(scores / min(how.temperature, MAX_TEMPERATURE), how).softmax(-1)


def _alike(drawings: Sequence[SamplingState]) -> list[list[int]]:
    """Rows that are not plain, by how their distribution is made."""
    groups: dict[tuple[float, ...], list[int]] = {}
    for row, drawing in enumerate(drawings):
        if not drawing.is_plain:
            how = drawing.sampling
            # What comes before these is done a row at a time.
            key = (how.temperature, how.top_k, how.top_p, how.min_p)
            groups.setdefault(key, []).append(row)
    return list(groups.values())


def _drawn(logits: torch.Tensor, drawings: Sequence[SamplingState]) -> torch.Tensor:
    """Ids (R,) from logits (R, V): where the distribution function passes a random number."""
    if drawings[0].is_greedy:
        return _adjusted(logits, drawings).argmax(-1)
    cumulative = distributions(logits, drawings).cumsum(-1, dtype=torch.float64)  # (R, V)
    uniform = cumulative.new_tensor([[drawing.uniform()] for drawing in drawings])
    found = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)[:, 0]
    return found.clamp(max=logits.shape[-1] - 1)


def _adjusted(logits: torch.Tensor, drawings: Sequence[SamplingState]) -> torch.Tensor:
    """A copy of logits (R, V), floats, with each row's penalty and constraint."""
    scores = logits.to(torch.float32, copy=True)
    for row, drawing in zip(scores, drawings, strict=True):
        penalty = drawing.sampling.repetition_penalty
        if penalty != 1:
            seen = torch.cat([drawing.read, torch.tensor(drawing.written, dtype=torch.long)])
            seen = seen.to(row.device)
            own = row[seen]
            row[seen] = torch.where(own < 0, own * penalty, own / penalty)
        if drawing.constraint is not None:
            allowed = drawing.constraint.allowed(len(row)).to(row.device)
            row.masked_fill_(~allowed, float("-inf"))
    return scores


def _tell(logits: torch.Tensor, drawings: Sequence[SamplingState]) -> None:
    """Note how likely the model itself found the tokens just written, and the likeliest."""
    for row, drawing in enumerate(drawings):
        num_likeliest = drawing.sampling.logprobs
        if num_likeliest is None:
            continue
        logprobs = logits[row].float().log_softmax(-1)  # (V,)
        best = logprobs.topk(min(num_likeliest, len(logprobs)))
        likeliest = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        token = drawing.written[-1]
        drawing.tokens_told.append(TokenLogprob(token, logprobs[token].item(), tuple(likeliest)))


# MERGED decoding/truncation.py: The likely tokens, which a draw is kept to.
#
# Letters: R rows, V vocabulary.


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
