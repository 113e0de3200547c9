"""The probability given to the right choice among all, in [0, 1]."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from acclimate.core.choice_probabilities import probabilities
from acclimate.core.domain import Item
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
        return probabilities(weighed)[item.choices.index(item.target)]
