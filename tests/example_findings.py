"""A study's findings made up for tests: twelve recipes, two without a result."""

from itertools import combinations
from math import exp, hypot
from statistics import NormalDist

from acclimate.core.runtime.fit_log import Notes
from acclimate.statistics.comparison import Comparison, Difference, Estimate
from acclimate.study.analysis.recommend import recommend
from acclimate.study.findings import (
    Capability,
    Confirmation,
    Disagreement,
    Findings,
    Forgetting,
    Standing,
)
from acclimate.study.limits import broken_limits

BASE = "tiny-base"
MONTHS, LOAD = 12.0, 20_000.0
Z = NormalDist().inv_cdf(0.975)


def estimate(mean: float, error: float = 0.016) -> Estimate:
    """A mean with the normal 95 % interval of a standard error."""
    return Estimate(mean=mean, low=mean - Z * error, high=mean + Z * error)


def standing(recipe: str, quality: float, **fields) -> Standing:
    """A recipe with a result; money follows from `fit_usd` and `request_usd`."""
    given = {"fit_usd": 0.0, "request_usd": 1e-4, "latency_seconds": 0.1, **fields}
    total = given["fit_usd"] + given["request_usd"] * MONTHS * LOAD
    body = {"status": "done", "total_usd": total, "quality": estimate(quality), **given}
    return Standing(recipe=recipe, **body)


def comparison(means: dict[str, float], error: float = 0.012, items: int = 400) -> Comparison:
    """Every pair, with normal p-values adjusted by Holm."""
    ranked = sorted(means, key=lambda r: -means[r])
    pairs = [(a, b, means[a] - means[b]) for a, b in combinations(ranked, 2)]
    raw = [2 * (1 - NormalDist().cdf(d / error)) for _, _, d in pairs]
    adjusted, so_far = {}, 0.0
    for rank, at in enumerate(sorted(range(len(raw)), key=raw.__getitem__)):
        so_far = max(so_far, min(1.0, raw[at] * (len(raw) - rank)))
        adjusted[at] = so_far
    return Comparison(
        confidence=0.95,
        num_items=items,
        num_clusters=items // 4,
        estimates={r: estimate(means[r]) for r in ranked},
        differences=tuple(
            Difference(
                better=a,
                worse=b,
                delta=d,
                low=d - Z * error,
                high=d + Z * error,
                p_value=raw[at],
                holm_p=adjusted[at],
                is_significant=adjusted[at] < 0.05,
            )
            for at, (a, b, d) in enumerate(pairs)
        ),
    )


def _tasks(quality: float, has_passages: bool) -> dict[str, dict[str, Estimate]]:
    facts = {"exact_match": estimate(quality - 0.06), "token_f1": estimate(quality + 0.04)}
    if has_passages:
        facts |= {"recall_at_k": estimate(0.87, 0.01), "reciprocal_rank": estimate(0.74, 0.013)}
    return {
        "facts": facts,
        "intent": {"accuracy": estimate(quality + 0.09, 0.01)},
        "yes_no_maybe": {"accuracy": estimate(hypot(quality, 0.2) - 0.05, 0.02)},
    }


TABLE = [
    # recipe, quality, trained, passages, seeds, fit s, latency s, request USD, MiB, bits/byte
    ("lora + hybrid_rag", 0.731, True, True, 3, 412.0, 0.214, 2.4e-4, 1320, 0.021),
    ("vote(lora, hybrid_rag, few_shot)", 0.726, True, True, 3, 455.0, 0.655, 7.9e-4, 1710, 0.018),
    ("hybrid_rag > lora", 0.719, True, True, 3, 530.0, 0.209, 2.3e-4, 1330, 0.034),
    ("hybrid_rag", 0.702, False, True, 1, 6.1, 0.198, 2.2e-4, 1010, None),
    ("lexical_rag", 0.684, False, True, 1, 1.2, 0.187, 2.1e-4, 905, None),
    ("lora + quantize", 0.633, True, False, 3, 421.0, 0.071, 8.0e-5, 640, 0.029),
    ("lora", 0.629, True, False, 3, 405.0, 0.092, 1.0e-4, 980, 0.022),
    ("full_finetuning", 0.621, True, False, 1, 820.0, 0.093, 1.0e-4, 2890, 0.187),
    ("few_shot shots=8", 0.574, False, False, 3, 0.2, 0.141, 1.6e-4, 960, None),
    ("chain_of_thought", 0.541, False, False, 1, 0.1, 0.583, 6.9e-4, 955, None),
    (BASE, 0.512, False, False, 1, 0.0, 0.090, 1.0e-4, 940, 0.0),
    ("prefix_tuning", 0.498, True, False, 3, 388.0, 0.095, 1.1e-4, 990, None),
]


def loss(seed: int, least: float, num_looks: int = 24) -> tuple[tuple[float, float], ...]:
    """A loss that falls to its least and rises a little."""
    xs = [look / num_looks for look in range(num_looks + 1)]
    return tuple((40.0 * i, least + 2.4 * exp(-(4 + seed) * x) + 0.25 * x * x)
                 for i, x in enumerate(xs))  # fmt: skip


def notes(method: str, num_seeds: int) -> tuple[Notes, ...]:
    """What each seed of a tuned method told."""
    return tuple(
        Notes(
            facts={"trained weights": 1_179_648.0, "layers": "q_proj, v_proj", "rate": 2e-4 * s},
            curves={
                "train loss, nats": loss(s, 0.7)[1:],
                "dev loss, nats": loss(s, 0.9),
                f"length of the update, {method}": tuple((40.0 * i, s + i**0.5) for i in range(9)),
            },
        )
        for s in range(1, num_seeds + 1)
    )


def _standing(row: tuple, limits: dict[str, float]) -> Standing:
    recipe, quality, trained, passages, seeds, fit, latency, request, mib, bits = row
    lost = None if bits is None else Forgetting(bits_per_byte=bits, accuracy=-bits / 3)
    found = standing(
        recipe,
        quality,
        methods=tuple(recipe.replace(" > ", " + ").split(" + ")) if recipe != BASE else (),
        is_trained=trained,
        num_seeds=seeds,
        seed_spread=0.006 if trained and seeds > 1 else None,
        dev_quality=quality + 0.007,
        tasks=_tasks(quality, passages),
        fit_seconds=fit,
        train_tokens=240_000 if trained else 0,
        fit_usd=fit / 3600 * 0.08,
        seconds_per_item=latency * 0.4,
        latency_seconds=latency,
        latency_p95_seconds=latency * 1.7,
        tokens_per_item=412.0 if passages else 96.0,
        flops_per_item=1.1e11,
        request_usd=request,
        peak_bytes=mib * 2**20,
        forgetting=lost,
        capability=CAPABILITIES.get(recipe, EVEN),
        notes={m: notes(m, seeds) for m in ("lora", "full_finetuning") if trained and m in recipe},
    )
    return found.model_copy(update={"breaks": broken_limits(found, limits)})


EVEN = Capability(num_items=231, before=0.94, after=0.934, low=-0.02, high=0.008)
CAPABILITIES = {
    "full_finetuning": Capability(num_items=231, before=0.94, after=0.47, low=-0.53, high=-0.41),
    "lexical_rag": Capability(num_items=0, before=0, after=0, low=0, high=0),
    "chain_of_thought": None,
}

SKIPPED = (
    Standing(recipe="dpo", status="skipped", reason="dpo needs preferences"),
    Standing(recipe="qlora", status="failed", reason="no room on the disk (12 MiB free)"),
)

LONG = "The clause binds the parties from the day on which the last of them has signed. " * 6


def _disagreements(num: int = 20) -> tuple[Disagreement, ...]:
    best, second = TABLE[0][0], TABLE[1][0]
    return tuple(
        Disagreement(
            task=("facts", "intent", "yes_no_maybe")[at % 3],
            question=f"Question {at}: which section applies when notice was late?"
            + (" " + LONG if at % 7 == 0 else ""),
            target=f"§ 16-{at}",
            answers={best: f"§ 16-{at}", second: LONG if at % 5 == 0 else f"§ 42-{at}"},
            scores={best: 1.0, second: 0.0} if at % 3 else {best: 0.25, second: 1.0},
        )
        for at in range(num)
    )


def example(limits: dict[str, float] | None = None, **fields) -> Findings:
    """The findings, recommended from."""
    limits = {"max_latency_seconds": 0.5, "max_total_usd": 200.0} if limits is None else limits
    standings = tuple(_standing(row, limits) for row in TABLE)
    compared = comparison({row[0]: row[1] for row in TABLE})
    found = recommend(standings, compared, limits, BASE)
    given = {
        "title": "Statutes of a city",
        "domain": "statutes",
        "base": BASE,
        "created": "2026-05-04T10:31:00+00:00",
        "test_hash": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
        "num_items": {"facts": 180, "intent": 120, "yes_no_maybe": 100},
        "task_about": {"facts": "A fact of one section.", "intent": "What a customer wants."},
        "num_clusters": compared.num_clusters,
        "seeds": (0, 1, 2),
        "months": MONTHS,
        "requests_per_month": LOAD,
        "prices": {"cpu_core_hour_usd": 0.04, "gpu_hour_usd": 2.5, "new_token_usd": 0.0},
        "limits": limits,
        "standings": standings + SKIPPED,
        "comparison": compared,
        "recommendation": found,
        "disagreements": _disagreements(),
        "confirmation": Confirmation(recipe=found.pick, num_items=400, num_different=0),
        "versions": {"python": "3.11.7", "torch": "2.13.0", "transformers": "5.23.1"},
        "hardware": "x86_64, 2 cores, 24 GiB, no accelerator",
        "settings": {"lora": 'lora {"rank": 16}', "lora + hybrid_rag": "lora → hybrid_rag"},
        "hashes": {"base": "a" * 64, "domain": "b" * 64, "lora + hybrid_rag seed 0": "c" * 64},
    }
    return Findings(**(given | fields))
