"""kill -9 at ten random moments: the same rows as an undisturbed run, nothing fitted twice."""

import multiprocessing
import random
import time
from pathlib import Path

import pytest

from acclimate.study.results_db import ResultsDb
from small_study import run_here, write_domain

NUM_KILLS = 10

PRELOADED = ["acclimate.study.run", "acclimate.inference.local_model", "acclimate.training.trainer",
             "acclimate.methods.retrieval.lexical_rag", "peft", "transformers"]  # fmt: skip
"""Imported once in the server that the doomed processes are forked from."""


def essence(out: Path):
    rows = ResultsDb(out / "rows.sqlite").all()
    assert len({(r.recipe, r.seed, r.split) for r in rows}) == len(rows)
    return {
        (r.recipe, r.seed, r.split): (r.status, r.key, r.scores, r.answers, r.control) for r in rows
    }


def finished(home: Path) -> dict[Path, int]:
    """When each artifact was completed: a second fit of it would be later."""
    return {p: p.stat().st_mtime_ns for p in home.glob("artifacts/[!.]*/*/artifact.json")}


def undisturbed(begin) -> float:
    """Seconds that the study takes when nobody kills it."""
    start = time.monotonic()
    process = begin("home", "undisturbed")
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - start


def kill(process, end, soon, is_further) -> None:
    """End a process after so many seconds, or soon after it is further, lest it does all."""
    end += time.monotonic()
    while process.is_alive() and time.monotonic() < end:
        if is_further():
            end = min(end, time.monotonic() + soon)
        process.join(0.02)
    process.kill()
    process.join()


@pytest.mark.slow
def test_killed_at_ten_random_moments_the_rows_are_the_same(model_folder, tmp_path):
    domain, base = write_domain(tmp_path / "birds"), model_folder("llama")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def begin(home: str, out: str):
        paths = (domain, base, tmp_path / home, tmp_path / out)
        process = context.Process(target=run_here, args=paths)
        process.start()
        return process

    begin("warm", "warm").join()  # the server's imports are not part of the time measured
    seconds = undisturbed(begin)
    chance = random.Random(0)
    done: dict[Path, int] = {}
    progress = []
    for _ in range(NUM_KILLS):
        doomed = begin("killed", "killed")
        # Where the last kills came before anything was finished, the next one waits longer.
        patience = 1.5 ** (len(progress) - len(set(progress)))
        end = chance.uniform(0.05, 0.3) * seconds * patience
        soon = chance.uniform(0, 0.02) * seconds
        kill(doomed, end, soon, lambda: len(finished(tmp_path / "killed")) > len(done))  # noqa: B023
        now = finished(tmp_path / "killed")
        assert done.items() <= now.items(), "what was finished was fitted again"
        done = now
        progress.append(len(done))
    last = begin("killed", "killed")
    last.join()
    assert last.exitcode == 0
    assert done.items() <= finished(tmp_path / "killed").items()
    assert essence(tmp_path / "killed") == essence(tmp_path / "undisturbed")
    # The kills must have met the study at work, not only before it and after it.
    assert len(set(progress)) > 2, progress
