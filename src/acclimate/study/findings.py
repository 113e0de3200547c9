"""What a study found: estimates, standings, what was lost, and the pick."""

from acclimate.core.domain import Task
from acclimate.core.record import Record
from acclimate.core.runtime.fit_log import Notes
from acclimate.statistics.comparison import Comparison, Estimate
from acclimate.study.results_db import Row


class Disagreement(Record):
    """An item on which the best two differ."""

    task: str
    """Its task."""
    question: str
    """What was asked."""
    target: str
    """What is right."""
    answers: dict[str, str]
    """System → its answer."""
    scores: dict[str, float]
    """System → its score."""
    sources: dict[str, tuple[str, ...]] = {}
    """System → ids of the documents that its answer rests on; absent: it read none."""


class Recommendation(Record):
    """The pick and why."""

    pick: str
    """Label of a recipe, or of the base; empty: nothing keeps the limits."""
    beats_base: bool
    """Whether it is significantly better than the base."""
    reason: str
    """One paragraph."""
    changes: tuple[str, ...] = ()
    """What would change it."""


class Confirmation(Record):
    """The saved pick, loaded again and scored on the same items."""

    recipe: str
    """What was confirmed."""
    num_items: int
    """How many items were scored again."""
    num_different: int
    """How many scores differ; anything above 0 is an error."""
    folder: str = ""
    """Where it lies, the base in it; `acclimate.core.storage.saved_model.load_model` reads it."""


class Capability(Record):
    """Scores on the items that the base answered well, test and control, before and after.

    What the base got right by luck is among them, and another model loses some of it without being
    worse (the negative flips of Yan et al. 2021): a little is always lost.
    """

    num_items: int
    """Items that the base scored at least one half on; 0: there was nothing to lose."""
    before: float
    """The base's mean score on them."""
    after: float
    """The recipe's, over seeds first where there are several."""
    low: float
    """Lower end of the interval of `after - before`, paired on items."""
    high: float
    """Upper end."""

    @property
    def lost(self) -> float:
        """Share of the base's score that is gone; below 0 where it was bettered."""
        return (self.before - self.after) / self.before if self.num_items else 0.0


class Forgetting(Record):
    """Change on the control set against the base; what was lost of general ability."""

    bits_per_byte: float | None = None
    """Change; above 0 is forgetting."""
    accuracy: float | None = None
    """Change; below 0 is forgetting."""


class Standing(Record):
    """One recipe's results over all its seeds."""

    recipe: str
    """Label."""
    methods: tuple[str, ...] = ()
    """Names in order; empty for the base."""
    status: str
    """done, skipped or failed."""
    reason: str = ""
    """Why there is no result."""
    is_trained: bool = False
    """Whether weights were changed."""
    is_recorded: bool = False
    """Whether its answers were made elsewhere; how it was made is then not known."""
    num_seeds: int = 1
    """Runs behind the numbers."""
    quality: Estimate | None = None
    """Mean of each item's main metric."""
    dev_quality: float | None = None
    """The same on dev, which recipes were chosen by."""
    seed_spread: float | None = None
    """Standard deviation of quality over seeds; None for one seed."""
    tasks: dict[str, dict[str, Estimate]] = {}
    """Task → metric → estimate; the first metric is the main one."""
    prompts: dict[str, str] = {}
    """Task → its first item as the model read it; empty: not known."""
    fit_seconds: float | None = None
    """To make it once, all parts counted."""
    train_tokens: int = 0
    """Tokens trained on, all parts counted."""
    seconds_per_item: float | None = None
    """Answering in batches."""
    latency_seconds: float | None = None
    """Median of single requests."""
    latency_p95_seconds: float | None = None
    """95th percentile of single requests."""
    tokens_per_item: float | None = None
    """Read and written."""
    flops_per_item: float | None = None
    """Operations to answer one item."""
    fit_flops: float | None = None
    """Operations to make it."""
    peak_bytes: int | None = None
    """Largest resident memory of the process while fitting or answering."""
    fit_usd: float | None = None
    """Money to make it once."""
    request_usd: float | None = None
    """Money a request."""
    total_usd: float | None = None
    """Making it and serving it over the horizon."""
    forgetting: Forgetting | None = None
    """None: not measured."""
    capability: Capability | None = None
    """What is left of what the base answered well; None: not measured."""
    notes: dict[str, tuple[Notes, ...]] = {}
    """Method → what each seed's fit told."""
    breaks: tuple[str, ...] = ()
    """Limits it does not keep, in words."""


class Findings(Record):
    """Everything the report shows."""

    title: str
    """Of the study."""
    domain: str
    """Name of the domain."""
    base: str
    """Label of what was adapted."""
    base_model: str = ""
    """Which model that is."""
    created: str
    """UTC, ISO 8601."""
    test_hash: str
    """Digest of the locked test items."""
    num_items: dict[str, int]
    """Task → number of test items."""
    task_about: dict[str, str] = {}
    """Task → one line on what it asks."""
    tasks: tuple[Task, ...] = ()
    """How each is asked, without its items."""
    num_clusters: int
    """Independent groups among the test items."""
    seeds: tuple[int, ...]
    """Used for everything trained or random."""
    months: float
    """Horizon of the total cost."""
    requests_per_month: float
    """Load over the horizon."""
    prices: dict[str, float] = {}
    """What money was counted with."""
    limits: dict[str, float] = {}
    """What the user set."""
    standings: tuple[Standing, ...]
    """Best first; skipped and failed last. The base is among them."""
    comparison: Comparison
    """Of everything with a result."""
    recommendation: Recommendation
    """The pick."""
    ensembles: tuple[str, ...] = ()
    """In a sentence each: whether one is above its members, and how each stands to its best."""
    disagreements: tuple[Disagreement, ...] = ()
    """Twenty items where the best two differ."""
    confirmation: Confirmation | None = None
    """None: not done."""
    stale: dict[str, tuple[str, ...]] = {}
    """Recipe → why it would come out otherwise by today's code; absent: it would not."""
    versions: dict[str, str] = {}
    """Of the libraries."""
    hardware: str = ""
    """What it ran on."""
    settings: dict[str, str] = {}
    """Recipe → its methods with every setting that was given; others are at their defaults."""
    hashes: dict[str, str] = {}
    """What identifies base, domain and each fitted model."""


def main_scores(row: Row) -> dict[str, float]:
    """Item id → score under its task's main metric (the first)."""
    scores: dict[str, float] = {}
    for metrics in row.scores.values():
        scores.update(next(iter(metrics.values()), {}))
    return scores
