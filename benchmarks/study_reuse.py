"""Eight recipes that share prefixes in one study against the same eight run alone."""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from acclimate.core.catalogue import METHODS, MODELS, TASKS
from acclimate.core.domain import Domain
from acclimate.core.rewriter import unwrap
from acclimate.core.storage.artifact_store import Store
from acclimate.evaluation.control_set import control_score
from acclimate.evaluation.measure import measure
from acclimate.study.environment import hardware, versions
from acclimate.study.fit_cache import FitCache, FittedModel
from acclimate.study.spec import EntrySpec

ALLOWED = 0.55
"""Seconds of the eight together over seconds of the eight alone, fitting and measuring."""
NUM_ROUNDS = 2
DOMAIN: EntrySpec = {"name": "python_docs", "num_items": 60}
BASE: EntrySpec = {"name": "from_scratch", "num_tokens": 20_000}
LORA: EntrySpec = {"name": "lora", "learning_rate": 1e-2}
RAG: EntrySpec = {"name": "hybrid_rag", "num_passages": 1}
RECIPES: tuple[tuple[EntrySpec, ...], ...] = (
    (LORA,),
    (LORA, "few_shot"),
    (LORA, "chain_of_thought"),
    (LORA, {"name": "lexical_rag", "num_passages": 1}),
    (LORA, RAG),
    (RAG,),
    (RAG, LORA),
    (RAG, LORA, "few_shot"),
)
"""Two trainings and two indexes, each met by more than one recipe."""


@dataclass(frozen=True)
class Spent:
    """Seconds of one recipe, and what it scored."""

    fitting: float
    measuring: float
    scores: object


def main() -> int:
    """Print the table; 1 where the claim does not hold."""
    os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    domain = TASKS.build(DOMAIN).load()
    with tempfile.TemporaryDirectory() as place, at_home(Path(place)):
        source = MODELS.build(BASE)
        base = FittedModel.of(source)
        print(conditions(base, domain), flush=True)
        together, alone = [], []
        for _ in range(NUM_ROUNDS):
            together.append(list(run_together(base, domain)))
            alone.append(list(run_alone(base, domain)))
    return judge(together, alone)


def judge(together: Sequence[Sequence[Spent]], alone: Sequence[Sequence[Spent]]) -> int:
    """Print seconds by recipe and in all; whether the claim failed."""
    print(f"{'seconds':<32}{'fit: study':>11}{'alone':>8}{'measure: study':>17}{'alone':>8}")
    for index, recipe in enumerate(RECIPES):
        label = " + ".join(METHODS.build(spec).__class__.__name__ for spec in recipe)
        fits = [median(run[index].fitting for run in side) for side in (together, alone)]
        asks = [median(run[index].measuring for run in side) for side in (together, alone)]
        print(f"{label:<32}{fits[0]:>11.1f}{fits[1]:>8.1f}{asks[0]:>17.1f}{asks[1]:>8.1f}")
    fitting = [median(sum(s.fitting for s in run) for run in side) for side in (together, alone)]
    whole = [
        median(sum(s.fitting + s.measuring for s in run) for run in side)
        for side in (together, alone)
    ]
    for label, (study, apart) in (("fitting only", fitting), ("fitting and measuring", whole)):
        print(f"{label:<32}{study:.1f} s / {apart:.1f} s = {study / apart:.2f}")
    same = all(
        a.scores == b.scores
        for study, apart in zip(together, alone, strict=True)
        for a, b in zip(study, apart, strict=True)
    )
    print(f"scores of every item are {'the same' if same else 'NOT THE SAME'} both ways")
    holds = same and whole[0] <= ALLOWED * whole[1]
    print(f"{'holds' if holds else 'FAILED'}: at most {ALLOWED} of the eight run alone")
    return 0 if holds else 1


def conditions(base: FittedModel, domain: Domain) -> str:
    """What this was measured with."""
    import torch

    found = versions()
    named = ", ".join(f"{k} {v}" for k, v in found.items() if k != "python")
    items = ", ".join(
        f"{sum(len(t.items) for t in tasks)} {name}"
        for name, tasks in (("train", domain.train), ("dev", domain.dev), ("test", domain.test))
    )
    num_params = sum(p.numel() for p in base.model.network.parameters())
    return (
        f"{hardware()}, {torch.get_num_threads()} threads; Python {platform.python_version()}, "
        f"{named}\n{num_params / 1e6:.1f} M parameters; {domain.name}, {items} items, "
        f"{len(domain.documents)} documents; medians of {NUM_ROUNDS} alternating rounds"
    )


def run_together(base: FittedModel, domain: Domain) -> Iterator[Spent]:
    """All recipes with one store, as in a study."""
    with tempfile.TemporaryDirectory() as place, at_home(Path(place)):
        workshop = FitCache(base, domain.train_data(), Store(Path(place, "artifacts")))
        for index in range(len(RECIPES)):
            yield run_recipe(workshop, index, domain)


def run_alone(base: FittedModel, domain: Domain) -> Iterator[Spent]:
    """Each recipe with a store of its own, where nothing was made before."""
    for index in range(len(RECIPES)):
        with tempfile.TemporaryDirectory() as place, at_home(Path(place)):
            workshop = FitCache(base, domain.train_data(), Store(Path(place, "artifacts")))
            yield run_recipe(workshop, index, domain)


def run_recipe(workshop: FitCache, index: int, domain: Domain) -> Spent:
    """Fit, answer dev and test, time single requests, weigh the control: what a study does.

    The base itself is measured on neither side, nor a control that is the base's own.
    """
    methods = tuple(METHODS.build(spec) for spec in RECIPES[index])
    start = time.perf_counter()
    model = workshop.node(methods, 0).model
    fitted = time.perf_counter()
    scores = [measure(model, domain.dev).scores, measure(model, domain.test, is_timed=True).scores]
    if unwrap(model).core is not workshop.base.model:
        control = control_score(model, domain.control)
        return Spent(fitted - start, time.perf_counter() - fitted, (scores, control))
    return Spent(fitted - start, time.perf_counter() - fitted, (scores, None))


@contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Keep indexes in this folder meanwhile."""
    before = os.environ.get("ACCLIMATE_HOME")
    os.environ["ACCLIMATE_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ACCLIMATE_HOME"]
        else:
            os.environ["ACCLIMATE_HOME"] = before


if __name__ == "__main__":
    sys.exit(main())
