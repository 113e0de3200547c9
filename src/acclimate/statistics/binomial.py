"""Exact bounds and tests of a proportion."""


def upper_bound(num_met: int, num_tried: int, confidence: float) -> float:
    """Of a rate, one-sided and exact (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    if num_met >= num_tried:
        return 1.0
    return float(beta.ppf(confidence, num_met + 1, num_tried - num_met))
