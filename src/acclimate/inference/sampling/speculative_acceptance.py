"""The rule of speculative sampling, and when guessing ahead is worth its cost.

Equations are those of Leviathan, Kalman and Matias (2023). Letters: V vocabulary.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch


def acceptance(target: torch.Tensor, draft: torch.Tensor) -> torch.Tensor:
    """Probability (V,) that a token drawn from the draft is kept: min(1, p / q) (section 2.3)."""
    return (target / draft.clamp(min=torch.finfo(draft.dtype).tiny)).clamp(max=1)


def residual(target: torch.Tensor, draft: torch.Tensor) -> torch.Tensor:
    """Probabilities (V,) of what takes the place of a token turned down: norm(max(0, p - q))."""
    left = (target - draft).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    # Where both are equal nothing is ever turned down, but for rounding.
    return torch.where(total > 0, left / total, target)


def accepted_share(target: torch.Tensor, draft: torch.Tensor) -> torch.Tensor:
    """How often a drafted token is kept: sum of min(p, q), 1 less the total variation (3.5)."""
    return torch.minimum(target, draft).sum(-1)


def judge(
    token: int, target: torch.Tensor, draft: torch.Tensor, uniform: Callable[[], float]
) -> int:
    """The token that was drawn from the draft, or another, so that it is one from the target.

    Args:
        token: Drawn from `draft`.
        target: Probabilities (V,) that the next token is to be drawn with.
        draft: Probabilities (V,) that it was drawn with.
        uniform: The next random number in [0, 1).
    """
    if uniform() < acceptance(target, draft)[token].item():
        return token
    cumulative = residual(target.double(), draft.double()).cumsum(-1)
    found = torch.searchsorted(cumulative, cumulative[-1:] * uniform(), right=True)
    return min(int(found), len(target) - 1)


def expected_tokens(acceptance_rate: float, num_draft_tokens: int) -> float:
    """Mean tokens that a pass over so many drafted ones gives (equation 1)."""
    if acceptance_rate == 1:
        return num_draft_tokens + 1.0
    return float((1 - acceptance_rate ** (num_draft_tokens + 1)) / (1 - acceptance_rate))


def expected_gain(acceptance_rate: float, num_draft_tokens: int, cost_ratio: float) -> float:
    """How many times as fast, where reading many tokens takes no longer than one (theorem 3.8).

    Args:
        acceptance_rate: Of drafted tokens, a.
        num_draft_tokens: Before each pass, g.
        cost_ratio: Time to draft one, in passes of the target, c.
    """
    return expected_tokens(acceptance_rate, num_draft_tokens) / (cost_ratio * num_draft_tokens + 1)


def overall_gain(gain: float, num_kept: int, num_guessed: int, num_passes: int) -> float:
    """How many times as fast answers are written where only some passes have guesses.

    Args:
        gain: Of a pass with guesses over passes without.
        num_kept: Guesses that were right.
        num_guessed: Passes with guesses.
        num_passes: All.
    """
    ahead = num_kept + num_guessed  # tokens, as each pass gives one more than its right guesses
    alone = num_passes - num_guessed
    return (alone + ahead) / (alone + ahead / gain)


@dataclass(frozen=True)
class StepTimes:
    """How long things take, in passes of the target over one token."""

    draft: float
    """To draft one token, c."""
    passes: tuple[tuple[int, float], ...]
    """A pass over so many tokens, fewest first, from (1, 1.0) on."""

    def of_pass(self, num_tokens: int) -> float:
        """Time of a pass over so many tokens, on straight lines between those measured."""
        if len(self.passes) == 1:
            return self.passes[0][1]
        sizes = [size for size, _ in self.passes]
        above = min(max(1, bisect_left(sizes, num_tokens)), len(sizes) - 1)
        (low, fast), (high, slow) = self.passes[above - 1 : above + 1]
        return fast + (slow - fast) * (num_tokens - low) / (high - low)

    def gain(self, acceptance_rate: float, num_draft_tokens: int, num_rows: int = 1) -> float:
        """How many times as fast rows are that all draft so many tokens.

        Differs: a pass over more tokens takes longer, as it was measured.
        """
        plain = self.of_pass(num_rows)
        drafting = self.draft * num_draft_tokens * num_rows
        checking = self.of_pass(num_rows * (1 + num_draft_tokens))
        return expected_tokens(acceptance_rate, num_draft_tokens) * plain / (drafting + checking)

    def best(self, acceptance_rate: float, choices: Sequence[int], num_rows: int = 1) -> int:
        """Which of so many tokens it pays most to draft before each pass; 0 where none does."""
        found = {num: self.gain(acceptance_rate, num, num_rows) for num in (0, *choices)}
        return max(found, key=found.__getitem__)
