"""The probability given to the right choice among all, in [0, 1]."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from acclimate.core.data import Item
from acclimate.core.metric import Metric
from acclimate.core.model import LogLikelihood


class ChoiceLogprob(Metric):
    """Softmax over choices of log-likelihood a byte times the choices' mean bytes.

    `p_i = exp(b * l_i / b_i) / sum_j exp(b * l_j / b_j)` with log-likelihood `l` in nats, `b_i`
    UTF-8 bytes of choice i and `b` their mean. The ranking is that of `choice_accuracy`; this
    also sees how sure the model is, so that fewer items tell two models apart.
    """

    reads: ClassVar[Literal["completion", "choices", "passages"]] = "choices"

    def of_choices(self, item: Item, weighed: Sequence[LogLikelihood]) -> float:
        """Score the weighed choices, in the order of `item.choices`."""
        sizes = [max(1, w.num_bytes) for w in weighed]
        mean = sum(sizes) / len(sizes)
        logits = [mean * w.logprob / size for w, size in zip(weighed, sizes, strict=True)]
        top = max(logits)
        powers = [math.exp(logit - top) for logit in logits]
        return powers[item.choices.index(item.target)] / sum(powers)
