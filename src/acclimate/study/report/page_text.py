"""What the report says in prose: how it was measured, and words for a newcomer."""

from acclimate.study.findings import Findings
from acclimate.study.limits import LIMITS
from acclimate.study.wording import percent


def horizon(findings: Findings) -> str:
    """The load and time that total cost is counted over."""
    return f"{findings.months:g} months of {findings.requests_per_month:,.0f} requests"


def written(findings: Findings) -> str:
    """When, to the minute."""
    return findings.created[:16].replace("T", " ") + " UTC"


def statistics(findings: Findings) -> list[str]:
    """How intervals and verdicts were made."""
    compared = findings.comparison
    level = percent(1 - compared.confidence)
    return [
        f"Intervals hold {percent(compared.confidence)} of bootstrap draws of whole groups of "
        "items (cluster bootstrap); differences are paired: both systems answer the same items, "
        "and each item's scores are compared.",
        "A p-value is exact McNemar where every answer is right or wrong and items stand alone, "
        "and otherwise comes from flipping the signs of whole groups; it is adjusted for all "
        f"{len(compared.differences)} pairs (Holm, 1979) and called significant below {level}.",
        "The pick: whatever breaks a limit is dropped; of those that nothing is significantly "
        "better than, the cheapest over the horizon is taken (of costs within a tenth of the "
        "least, that of the fewest methods, then of the highest quality). The base is a "
        "candidate too.",
    ]


def facts(findings: Findings) -> list[tuple[str, str]]:
    """Name and value of what the numbers rest on."""
    items = ", ".join(f"{name} {number:,}" for name, number in findings.num_items.items())
    rules = [LIMITS[n].rule(bound) if n in LIMITS else n for n, bound in findings.limits.items()]
    prices = [f"{name.removesuffix('_usd')} {usd:g} USD" for name, usd in findings.prices.items()]
    versions = [f"{name} {version}" for name, version in findings.versions.items()]
    return [
        ("Test items", f"{items}; {findings.num_clusters:,} independent groups"),
        ("Seeds", ", ".join(map(str, findings.seeds)) or "none"),
        ("Horizon", horizon(findings)),
        ("Limits", "; ".join(rules) or "none set"),
        ("Prices", "; ".join(p.replace("_", " ") for p in prices) or "not measured"),
        ("Hardware", findings.hardware or "not recorded"),
        ("Versions", ", ".join(versions) or "not recorded"),
        ("Written", written(findings)),
    ]


GLOSSARY = [
    ("base", "The model as it was before anything was done to it."),
    ("recipe", "One way to adapt the base: a method, or several one after another."),
    ("quality", "The mean, over all test items, of each task's main metric; higher is better."),
    (
        "interval",
        "Where the true mean plausibly lies, given that only so many items were asked. "
        "Two overlapping intervals say little: look at the paired difference.",
    ),
    (
        "significant",
        "A difference this large would rarely come about by chance alone. "
        "“No difference shown” does not mean “the same”: more items might show one.",
    ),
    ("seed", "Where the random numbers begin. Training again with another seed differs a little."),
    ("latency", "Time from a single request to its whole answer, nothing else running."),
    (
        "total cost",
        "Making it once, and machine time for every request over the horizon, at the prices that "
        "are listed; a machine that waits idle is not counted.",
    ),
    ("peak memory", "The most main memory the process held while fitting or answering."),
    (
        "forgetting",
        "How much worse it predicts text outside the domain than the base does, in bits per byte; "
        "above 0 is a loss.",
    ),
    (
        "capability lost",
        "Of the test and control items that the base answered well (a score of one half or more), "
        "the share of the score that is gone. It catches a model that improves on its domain and "
        "no longer does what it was good for.",
    ),
    ("front", "The recipes for which no other is both better and cheaper (or quicker, smaller)."),
    ("recall at k", "Share of the documents that hold the answer among the k that were found."),
    ("reciprocal rank", "1 divided by the place of the first right document; 1 is best."),
    ("not measured", "Nobody counted it in this study. It is not zero."),
]
