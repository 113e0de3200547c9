"""Accuracy and calibration of a reward model on held-out preference pairs."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

from acclimate.core.record import Record
from acclimate.core.runtime.fit_log import log_value

_NUM_BINS = 10
"""Of the calibration error (Guo et al. 2017 use 10 to 15)."""


class RewardReport(Record):
    """Accuracy and calibration by the margins, chosen minus rejected, of held-out pairs."""

    num_pairs: int = 0
    """Pairs held out."""
    num_right: int = 0
    """Pairs whose chosen answer has the higher reward; equal rewards are not right."""
    low: float = 0.0
    """Lower end of the exact 95 % interval of the share that is right."""
    high: float = 1.0
    """Upper end."""
    calibration_error: float = 0.0
    """Expected difference between how sure the reward is and how often it is right then."""
    brier: float = 0.25
    """Mean squared error of the probability that chosen is better; 0.25 is a coin's."""

    @property
    def is_proven(self) -> bool:
        """Whether the whole interval is above a coin's one half."""
        return self.low > 0.5

    def log(self) -> None:
        """Write it into the fit log."""
        log_value("reward: share of held-out pairs that it tells apart", self.summary)
        if self.num_pairs:
            log_value("reward: expected calibration error", self.calibration_error)
            log_value("reward: Brier score (a coin's is 0.25)", self.brier)

    @property
    def summary(self) -> str:
        """The share that is right with its interval, in words."""
        if not self.num_pairs:
            return "no pairs were held out"
        share = self.num_right / self.num_pairs
        interval = f"95 % interval {self.low:.2f} to {self.high:.2f}"
        return f"{share:.2f} ({self.num_right} of {self.num_pairs}, {interval})"


def report_of(margins: Sequence[float]) -> RewardReport:
    """Accuracy with its exact interval (Clopper and Pearson 1934), and calibration.

    Args:
        margins: Reward of the chosen answer minus that of the rejected one, each held-out pair.
    """
    if not margins:
        return RewardReport()
    chosen = 1 / (1 + np.exp(-np.asarray(margins, dtype=float)))
    num_right = int((chosen > 0.5).sum())
    interval = binomtest(num_right, len(chosen)).proportion_ci(0.95, method="exact")
    return RewardReport(
        num_pairs=len(chosen),
        num_right=num_right,
        low=float(interval.low),
        high=float(interval.high),
        calibration_error=reward_calibration_error(chosen),
        brier=float(((1 - chosen) ** 2).mean()),
    )


def reward_calibration_error(chosen: "np.typing.NDArray[np.float64]") -> float:
    """Expected calibration error of a forced choice (Guo et al. 2017, equation 3).

    Args:
        chosen: Probability given to the answer that is better; what it is sure of is the larger
            of this and its rest, from 0.5 to 1.
    """
    sure, right = np.maximum(chosen, 1 - chosen), chosen > 0.5
    bins = np.minimum((sure - 0.5) * 2 * _NUM_BINS, _NUM_BINS - 1).astype(int)
    gaps = [
        abs(sure[bins == i].mean() - right[bins == i].mean()) * (bins == i).mean()
        for i in np.unique(bins)
    ]
    return float(sum(gaps))
