"""Whether the right choice is the likeliest a byte."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from acclimate.core.domain import Item
from acclimate.core.metric import Metric
from acclimate.core.model import LogLikelihood


class ChoiceAccuracy(Metric):
    """1 where the target has the highest log-likelihood a UTF-8 byte, else 0.

    Dividing by bytes takes away the advantage of short choices and does not depend on the
    tokenizer (lm-evaluation-harness calls it `acc_norm`).
    """

    reads: ClassVar[Literal["completion", "choices", "passages"]] = "choices"

    def of_choices(self, item: Item, weighed: Sequence[LogLikelihood]) -> float:
        """Score the weighed choices, in the order of `item.choices`; the first of equals wins."""
        per_byte = [w.per_byte for w in weighed]
        return float(item.choices[per_byte.index(max(per_byte))] == item.target)
