"""Every file in which fitting or measuring runs a function is in the list by which it counts."""

import gc
import inspect
import sys
import threading
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import pytest

import acclimate
from acclimate.core.errors import MissingExtraError
from acclimate.core.provenance import provenance_of
from acclimate.core.record import digest
from acclimate.core.storage.artifact_store import Store
from acclimate.study import row as row_module
from acclimate.study.fit_cache import FitCache, FittedModel
from acclimate.study.results_db import Row
from acclimate.study.row import RowMaker
from contract.fitting import METHODS, plain

ROOT = Path(acclimate.__file__).parent


@contextmanager
def files_that_run():
    """Those of this package in which a function is called in the body, in any thread."""
    code = set()

    def note(frame, event, _argument):
        # The bodies of modules and classes run once, when they are imported.
        if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            code.add(frame.f_code)

    ran = set()
    gc.collect()  # what other tests left open ends now, and not while this one is watched
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        paths = {Path(one.co_filename) for one in code}
        ran |= {p.relative_to(ROOT).as_posix() for p in paths if p.is_relative_to(ROOT)}


@pytest.mark.parametrize("name", list(METHODS.entries))
def test_each_file_that_runs_to_fit_and_to_measure_is_recorded(
    name, tiny, small_domain, small_data, tmp_path, monkeypatch
):
    try:
        kind = METHODS.load(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    ran, asked = set(), set()
    monkeypatch.setattr(kind, "fit", watched(kind.fit, ran))
    monkeypatch.setattr(row_module, "measure", watched(row_module.measure, asked))
    source = provenance_of(["acclimate.models.local.huggingface"])
    workshop = FitCache(FittedModel(tiny, "ba5e", made_by=source), small_data, Store(tmp_path))
    node = workshop.node((METHODS.build(plain(name)),), 0)
    assert ran
    assert ran - set(node.made_by.files) == set()
    row = RowMaker(small_domain).measured(Row(recipe=name, seed=0, split="dev"), lambda: node)
    assert row.status == "done"
    assert {"evaluation/measure.py", "evaluation/answers.py"} <= asked
    assert asked - set(row.made_by.files) == set()


def watched(call, ran):
    """The same function; the files that run in it are noted."""

    @wraps(call)
    def watch(*args, **settings):
        with files_that_run() as found:
            made = call(*args, **settings)
        ran.update(found)
        return made

    return watch


def test_what_runs_is_seen_in_threads_too():
    with files_that_run() as ran:
        thread = threading.Thread(target=digest, args=("x",))
        thread.start()
        thread.join()
    assert "core/record.py" in ran
