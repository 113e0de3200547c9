"""Acceptance in speculative sampling, and the expected speed-up of drafting.

Equations are those of Leviathan, Kalman and Matias (2023). Letters: V vocabulary.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch


def acceptance(target: torch.Tensor, draft: torch.Tensor) -> torch.Tensor:
    """Probability (V,) that a drafted token is accepted: min(1, p / q) (section 2.3)."""
    return (target / draft.clamp(min=torch.finfo(draft.dtype).tiny)).clamp(max=1)


def residual(target: torch.Tensor, draft: torch.Tensor) -> torch.Tensor:
    """Probabilities (V,) to draw from in place of a rejected token: norm(max(0, p - q))."""
    left = (target - draft).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    # Where both are equal nothing is ever rejected, but for rounding.
    return torch.where(total > 0, left / total, target)


def accepted_share(target: torch.Tensor, draft: torch.Tensor) -> torch.Tensor:
    """How often a drafted token is accepted: sum of min(p, q), 1 less total variation (3.5)."""
    return torch.minimum(target, draft).sum(-1)


def judge(
    token: int, target: torch.Tensor, draft: torch.Tensor, uniform: Callable[[], float]
) -> int:
    """Accept a drafted token, or draw another, so that it is distributed as the target's.

    Args:
        token: Drawn from `draft`.
        target: Probabilities (V,) that the next token is to be drawn with.
        draft: Probabilities (V,) that `token` was drawn with.
        uniform: The next random number in [0, 1).
    """
    if uniform() < acceptance(target, draft)[token].item():
        return token
    cumulative = residual(target.double(), draft.double()).cumsum(-1)
    resampled = torch.searchsorted(cumulative, cumulative[-1:] * uniform(), right=True)
    return min(int(resampled), len(target) - 1)


def expected_tokens(acceptance_rate: float, num_draft_tokens: int) -> float:
    """Mean tokens that a pass over so many drafted ones gives (equation 1)."""
    if acceptance_rate == 1:
        return num_draft_tokens + 1.0
    return float((1 - acceptance_rate ** (num_draft_tokens + 1)) / (1 - acceptance_rate))


def expected_gain(acceptance_rate: float, num_draft_tokens: int, cost_ratio: float) -> float:
    """Expected speed-up where reading many tokens takes no longer than one (theorem 3.8).

    Args:
        acceptance_rate: Of drafted tokens, a.
        num_draft_tokens: Before each pass, g.
        cost_ratio: Time to draft one, in passes of the target, c.
    """
    return expected_tokens(acceptance_rate, num_draft_tokens) / (cost_ratio * num_draft_tokens + 1)


def overall_gain(gain: float, num_kept: int, num_guessed: int, num_passes: int) -> float:
    """Speed-up of whole answers where only some passes have drafts.

    Args:
        gain: Speed-up of a pass with drafts over passes without.
        num_kept: Drafted tokens that were accepted.
        num_guessed: Passes with drafts.
        num_passes: All passes.
    """
    ahead = num_kept + num_guessed  # tokens, as each pass gives one more than it accepts
    alone = num_passes - num_guessed
    return (alone + ahead) / (alone + ahead / gain)


@dataclass(frozen=True)
class StepTimes:
    """Measured times, in passes of the target over one token."""

    draft: float
    """Time to draft one token, c."""
    passes: tuple[tuple[int, float], ...]
    """Numbers of tokens and the time of a pass over them, fewest first, from (1, 1.0) on."""

    def of_pass(self, num_tokens: int) -> float:
        """Time of a pass over so many tokens, on straight lines between those measured."""
        if len(self.passes) == 1:
            return self.passes[0][1]
        sizes = [size for size, _ in self.passes]
        above = min(max(1, bisect_left(sizes, num_tokens)), len(sizes) - 1)
        (low, fast), (high, slow) = self.passes[above - 1 : above + 1]
        return fast + (slow - fast) * (num_tokens - low) / (high - low)

    def gain(self, acceptance_rate: float, num_draft_tokens: int, num_rows: int = 1) -> float:
        """Expected speed-up of rows that all draft so many tokens.

        Differs: a pass over more tokens takes longer, as it was measured.
        """
        plain = self.of_pass(num_rows)
        drafting = self.draft * num_draft_tokens * num_rows
        checking = self.of_pass(num_rows * (1 + num_draft_tokens))
        return expected_tokens(acceptance_rate, num_draft_tokens) * plain / (drafting + checking)

    def best(self, acceptance_rate: float, choices: Sequence[int], num_rows: int = 1) -> int:
        """The number of tokens, of the choices, that pays most to draft; 0 where none pays."""
        gains = {num: self.gain(acceptance_rate, num, num_rows) for num in (0, *choices)}
        return max(gains, key=gains.__getitem__)
