"""Members vote for the next token: each its likeliest few, counted by a rule.

Letters: B rows, V vocabulary, K members, N tokens a member votes for, C = K N candidates.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field

from acclimate.ensembles.token_level.mixtures import CombinationRule, Mixture

_NONE = float("-inf")


class TokenBallot(CombinationRule):
    """Each member's likeliest tokens as a vote; what ties is told apart, never drawn.

    A vote gives no probabilities: continuations are weighed by the members' mean. Ties go by
    summed probability, then by the weight of the voters, then by the order of members and of
    their choices.
    """

    kind: ClassVar[str] = "token_vote"

    rule: Literal["majority", "weighted", "ranked"] = "majority"
    """Points of a vote: one; the member's weight; or those of Borda, N for the first choice, one
    less for each place below."""
    num_choices: int = Field(default=5, ge=1)
    """N."""
    outlier_prob: float = Field(default=0.05, ge=0, le=1)
    """A token that one member alone votes for, with less probability than this, is filtered out,
    unless all are."""

    def scores(self, logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """Log of the points (B, V); the winner's a hair above those that it tied with."""
        votes = cast(logits, weights, self.num_choices)
        points = self._points(votes)
        winners = winner(points, votes)
        whole = torch.full_like(logits[0], _NONE, dtype=torch.float32)
        whole = whole.scatter(1, votes.tokens, points.log())  # (B, V)
        ahead = whole.max(-1, keepdim=True).values.nextafter(torch.tensor(float("inf")))
        return whole.scatter(1, winners[:, None], ahead)

    def logprobs(self, logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """The weighted mean's; the mean's where votes are not weighted."""
        return Mixture().logprobs(logits, weights if self.rule == "weighted" else weights.sign())

    def _points(self, votes: "CastVotes") -> torch.Tensor:
        """Of each candidate (B, C); 0 where it is filtered out."""
        worth = {
            "majority": votes.is_cast.float(),
            "weighted": votes.weights,
            "ranked": votes.is_cast * (self.num_choices - votes.ranks).float(),
        }[self.rule]
        points = votes.summed(worth)
        is_lonely = votes.summed(votes.is_cast.float()) == 1
        is_out = is_lonely & (votes.summed(votes.probs) < self.outlier_prob) & votes.is_cast
        is_left = votes.is_cast & ~is_out
        stays = is_left | (votes.is_cast & ~is_left.any(-1, keepdim=True))
        # Members of weight 0 vote for tokens too: another's vote for the same counts.
        return points * (votes.summed(stays.float()) > 0)


class CastVotes(NamedTuple):
    """Every member's choices side by side, (B, C), the first member's first."""

    tokens: torch.Tensor
    is_cast: torch.Tensor
    """Whether its member has a weight above 0."""
    weights: torch.Tensor
    """Its member's."""
    ranks: torch.Tensor
    """0: the member's first choice."""
    probs: torch.Tensor
    """By its member; 0 where that has weight 0."""
    all_probs: torch.Tensor
    """Summed over all members of weight above 0, whether they vote for it or not."""

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """At each candidate, the values (B, C) of all that are votes for the same token."""
        is_same = self.tokens[:, :, None] == self.tokens[:, None, :]  # (B, C, C)
        return (is_same * values[:, None, :]).sum(-1)


def cast(logits: Sequence[torch.Tensor], weights: torch.Tensor, num_choices: int) -> CastVotes:
    """The votes of members with these logits (B, V) and weights (B, K)."""
    width = min(choice_probs.shape[-1] for choice_probs in logits)
    device = logits[0].device
    probs = torch.stack(
        [choice_probs[..., :width].to(device).float().softmax(-1) for choice_probs in logits], 1
    )
    is_heard = weights.to(device)[..., None] > 0  # (B, K, 1)
    probs = probs * is_heard  # (B, K, V)
    choice_probs, tokens = probs.topk(min(num_choices, width), -1)  # (B, K, N)
    ranks = torch.arange(tokens.shape[-1], device=device).expand_as(tokens)
    summed = probs.sum(1, keepdim=True).expand_as(probs).gather(2, tokens)
    parts = (
        tokens,
        is_heard.expand_as(tokens),
        weights.to(device, torch.float32)[..., None].expand_as(tokens),
        ranks,
        choice_probs,
        summed,
    )
    return CastVotes(*(part.flatten(1) for part in parts))


def winner(points: torch.Tensor, votes: CastVotes) -> torch.Tensor:
    """The token (B,) with most points, ties told apart."""
    is_best = torch.ones_like(votes.is_cast)
    for criterion in (points, votes.all_probs, votes.summed(votes.weights)):
        best = criterion.masked_fill(~is_best, _NONE).max(-1, keepdim=True).values
        is_best = is_best & (criterion == best)
    first = is_best.int().argmax(-1, keepdim=True)
    return votes.tokens.gather(1, first)[:, 0]
