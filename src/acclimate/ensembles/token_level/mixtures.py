"""Next-token distributions of several members as one: a mean or a product.

Letters: B rows, V vocabulary, K members.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch

from acclimate.core.record import Record

_NONE = float("-inf")


class CombinationRule(Record):
    """How the members' distributions are combined into one."""

    def scores(self, logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """Logits (B, V) that a token is drawn from; see `logprobs`."""
        return self.logprobs(logits, weights)

    @abstractmethod
    def logprobs(self, logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (B, V), nats.

        Args:
            logits: Of each of the K members, (B, V).
            weights: Of each in each row, (B, K), in any scale; where one is 0, the member does
                not count. No row may be all 0.
        """


class Mixture(CombinationRule):
    """The members' weighted mean."""

    kind: ClassVar[str] = "mixture"

    space: Literal["probability", "log"] = "probability"
    """`probability`: sum_k w_k p_k; `log`: the product of p_k^w_k, renormalised."""

    def scores(self, logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """The same up to a constant a row, in the fewest operations; equals give exactly it."""
        first, *others = aligned = _aligned(logits)
        if all(torch.equal(first, other) for other in others):
            return first
        shares = weights.to(first.device, torch.float32)
        if _unheard(shares):  # nought times minus infinity is no number
            return self.logprobs(aligned, weights)
        shares = (shares / shares.sum(-1, keepdim=True)).t()[:, :, None]  # (K, B, 1)
        stacked = torch.stack(aligned)  # (K, B, V)
        if self.space == "log":
            return stacked.mul_(shares).sum(0)
        return stacked.softmax(-1).mul_(shares).sum(0).log_()

    def logprobs(self, logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """As its formula says, and exactly what each says where all say the same."""
        aligned = _aligned(logits)
        shares = weights.to(aligned[0].device, torch.float32)
        return _product(aligned, shares) if self.space == "log" else _sum(aligned, shares)


def _aligned(logits: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """All on one device, floats, and as wide as the least: some networks pad their vocabulary."""
    width, device = min(member_logits.shape[-1] for member_logits in logits), logits[0].device
    return [member_logits[..., :width].to(device).float() for member_logits in logits]


def _sum(logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    """Logarithm of sum_k w_k p_k, taken relative to the greatest p_k, so that equals give it."""
    each = [logprobs.log_softmax(-1) for logprobs in logits]
    for k in _unheard(weights):
        each[k].masked_fill_(weights[:, k, None] == 0, _NONE)
    greatest = each[0].clone()
    for logprobs in each[1:]:
        torch.maximum(greatest, logprobs, out=greatest)
    greatest.clamp_(min=torch.finfo(torch.float32).min)  # inf - inf is no number
    total, whole = torch.zeros_like(greatest), torch.zeros_like(weights[:, :1])
    for k, logprobs in enumerate(each):
        total.addcmul_(weights[:, k, None], logprobs.sub_(greatest).exp_())
        whole += weights[:, k, None]
    return total.div_(whole).log_().add_(greatest)


def _product(logits: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    """Log-softmax of the mean logits, taken relative to one of them, so that equals give it."""
    first = logits[0]
    if unheard := _unheard(weights):
        # A member of weight 0 may be far off: take the one of most weight as reference.
        first = torch.stack(list(logits))[weights.argmax(-1), torch.arange(len(weights))]  # (B, V)
    shares = weights / weights.sum(-1, keepdim=True)
    offset = torch.zeros_like(first)
    for k, member_logits in enumerate(logits):
        # Minus infinity from itself is no way apart.
        gap = (member_logits - first).nan_to_num_(nan=0.0, posinf=-_NONE, neginf=_NONE)
        if k in unheard:
            gap.masked_fill_(weights[:, k, None] == 0, 0.0)
        offset.addcmul_(shares[:, k, None], gap)
    # What one of them holds impossible is: where another does not, the sum is no number.
    return offset.add_(first).nan_to_num_(nan=_NONE, posinf=-_NONE, neginf=_NONE).log_softmax(-1)


def _unheard(weights: torch.Tensor) -> list[int]:
    """Members with weight 0 in some row."""
    return [k for k, silent in enumerate((weights == 0).any(0).tolist()) if silent]
