"""Join members of different vocabularies and architectures, byte by byte."""

from collections.abc import Sequence
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.core.runtime.fit_log import log_value
from acclimate.ensembles.compatibility import require_networks
from acclimate.ensembles.member_scores import score_on_dev
from acclimate.ensembles.members import Member
from acclimate.ensembles.method import EnsembleMethod
from acclimate.ensembles.token_level.byte_model import ByteModel
from acclimate.ensembles.token_level.byte_reader import HypothesisLimits
from acclimate.ensembles.token_level.mixtures import Mixture


class ByteAverage(EnsembleMethod):
    """A mixture of next-byte distributions, exact whatever the tokens (Vieira et al. 2024).

    Each member's distribution over the next byte sums over all ways in which its tokens may spell
    the bytes so far, so that encoder-decoders, and members of other vocabularies, can be joined.
    Members that err on different items gain most: the report has the correlation of their errors
    and the share that choosing the right member for every item would reach.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2412.03719"
    needs: ClassVar[frozenset[str]] = frozenset({"logprobs"})

    members: tuple[Member, ...] = ("zero_shot", "few_shot")
    """Recipes; `[{name: huggingface, path: …}, zero_shot]` begins from another base."""
    space: Literal["probability", "log"] = "probability"
    """`probability`: the mean of the members' probabilities of a byte; `log`: their product,
    renormalised."""
    weights: tuple[float, ...] = ()
    """One a member, of which the ratios matter; empty: all alike."""
    max_hypotheses: int = Field(default=8, ge=1)
    """Ways to spell the bytes so far that are followed at once, the likeliest; a trained model
    puts nearly everything on one or two."""
    min_share: float = Field(default=1e-3, ge=0, lt=1)
    """A way to spell them with less of their probability is dropped; 0, with enough hypotheses, is
    exact and slow."""
    bytes_per_token: int = Field(default=4, ge=1)
    """Bytes that an answer may have for each token that it may have; English text has about four
    a token."""

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Join the members, and see how differently they err on dev where there is one.

        Raises:
            NotApplicableError: A member has no weights here.
        """
        require_networks(members, self.member_labels, "byte_average")
        if any(task.items for task in data.dev):
            self._log_dev_scores(members, data)
        return ByteModel(
            members,
            Mixture(space=self.space),
            self.member_weights,
            HypothesisLimits(max_hypotheses=self.max_hypotheses, min_share=self.min_share),
            self.bytes_per_token,
        )

    def _log_dev_scores(self, members: Sequence[Model], data: TrainData) -> None:
        dev = score_on_dev(members, self.members, data, "byte_average")
        log_value("best member on dev, mean score", dev.best)
        log_value("oracle bound: the right member for every dev item, mean score", dev.oracle)
        for i, j in combinations(range(len(members)), 2):
            both = [
                scored.scores
                for scored in dev.items
                if None not in (scored.scores[i], scored.scores[j])
            ]
            name = f"correlation of errors on dev, {dev.labels[i]} and {dev.labels[j]}"
            log_value(
                name, correlation([scored[i] for scored in both], [scored[j] for scored in both])
            )


def correlation(ones: Sequence[float | None], others: Sequence[float | None]) -> float | str:
    """Pearson's, of scores and so of errors; in words where one never varies."""
    table = np.array([ones, others], dtype=float)  # (2, items)
    if table.shape[1] < 2 or not table.std(axis=1).all():
        return "not defined, as one of them scores the same on every item"
    return float(np.corrcoef(table)[0, 1])
