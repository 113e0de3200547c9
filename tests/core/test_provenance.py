"""By what a thing was made is recorded, and holds while each file and library is what it was."""

import threading

import pytest

from acclimate.core.catalogue import Catalogue
from acclimate.core.metric import Metric
from acclimate.core.provenance import Provenance, Trace, is_stale_taken, provenance_of, taking_stale
from acclimate.core.storage.artifact_store import Store
from changed_code import change_code, change_library

KEY, OTHER = "ab" + "0" * 62, "cd" + "0" * 62
LORA = "acclimate.methods.tuning.lora"


def test_today_it_holds():
    made = provenance_of([LORA])
    assert made.stale() == ()
    assert Provenance.model_validate_json(made.model_dump_json()) == made
    assert {"methods/tuning/lora.py", "training/trainer.py", "core/domain.py"} <= set(made.files)
    assert {"torch", "transformers", "tokenizers", "peft", "python"} <= set(made.libraries)


@pytest.mark.parametrize(
    "label",
    ["methods/tuning/lora.py", "training/trainer.py", "training/losses.py", "core/prompt.py"],
)
def test_a_changed_file_below_is_named(label, monkeypatch):
    made = provenance_of([LORA])
    change_code(monkeypatch, label)
    assert made.stale() == (f"code changed: {label}",)


def test_a_changed_file_elsewhere_is_nothing(monkeypatch):
    made = provenance_of([LORA])
    change_code(monkeypatch, "cli/serve.py", "methods/prompting/few_shot.py")
    assert made.stale() == ()


def test_of_many_files_three_are_named(monkeypatch):
    made = provenance_of([LORA])
    change_code(monkeypatch, *sorted(made.files)[:5])
    names = ", ".join(sorted(made.files)[:3])
    assert made.stale() == (f"code changed: {names} and 2 more",)


def test_another_library_is_named_with_both_versions(monkeypatch):
    change_library(monkeypatch, "transformers", "5.22")
    made = provenance_of([LORA])
    assert made.stale() == ()
    change_library(monkeypatch, "transformers", "5.23")
    assert made.stale() == ("transformers 5.22 → 5.23",)
    change_library(monkeypatch, "transformers", "")
    assert made.stale() == ("transformers 5.22 → not installed",)


def test_so_is_another_minor_version_of_python(monkeypatch):
    made = provenance_of([LORA])
    change_library(monkeypatch, "python", "3.99")
    (reason,) = made.stale()
    assert reason.startswith("python 3.")
    assert reason.endswith(" → 3.99")


def test_what_is_not_known_does_not_hold():
    assert Provenance().stale() == ("it is not known how it was made",)
    in_no_file = provenance_of([LORA]).model_copy(update={"files": {"__main__": ""}})
    assert in_no_file.stale() == ("code changed: __main__",)


def test_of_two_versions_that_which_is_not_todays_stays(monkeypatch):
    old = provenance_of([LORA])
    change_code(monkeypatch, "training/trainer.py")
    change_library(monkeypatch, "torch", "99")
    new = provenance_of([LORA])
    reasons = ("code changed: training/trainer.py", f"torch {old.libraries['torch']} → 99")
    for both in (old.merged(new), new.merged(old)):
        assert both.stale() == reasons


def test_what_a_catalogue_loads_meanwhile_counts_in_threads_too():
    with Trace("acclimate.core.errors").listening() as trace:
        assert "metrics/text/exact_match.py" not in trace.provenance().files
        metrics = Catalogue("acclimate.metrics", Metric)
        thread = threading.Thread(target=metrics.load, args=("exact_match",))
        thread.start()
        thread.join()
    metrics.load("polite")
    files = trace.provenance().files
    assert "metrics/text/exact_match.py" in files
    assert "metrics/text/polite.py" not in files


def test_so_does_what_a_store_hands_out_or_keeps(tmp_path, monkeypatch):
    store = Store(tmp_path)
    with store.put(KEY, {}, Trace(LORA)) as folder:
        (folder / "x").write_text("x")
    for _ in range(2):
        with Trace().listening() as trace:
            store.get(KEY) or pytest.fail("not there")
        made = trace.provenance()
        assert "methods/tuning/lora.py" in made.files
        assert set(made.artifacts) == {KEY}
    with Trace().listening() as trace, store.put(OTHER, {}, Trace(LORA)):
        pass
    assert "methods/tuning/lora.py" in trace.provenance().files
    assert set(trace.provenance().artifacts) == {OTHER}


def test_what_was_made_of_something_else_does_not_hold(tmp_path):
    store = Store(tmp_path)
    for text in ("one", "two"):
        store.remove(KEY)
        with store.put(KEY, {}, Trace()) as folder:
            (folder / "x").write_text(text)
        if text == "one":
            made = store.made_by(KEY)
    now = store.made_by(KEY).artifacts
    assert made.stale({KEY: made.artifacts[KEY]}) == ()
    assert made.stale({OTHER: "x"}) == ()
    assert made.stale(now) == ("what it was made from was made anew",)


def test_what_is_stale_is_made_again_and_gives_way(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def put(text):
        with store.put(KEY, {"text": text}, Trace(LORA)) as folder:
            (folder / "x").write_text(text)

    put("old")
    put("as old")  # of two that are made the same way the first stays
    assert (store.get(KEY) / "x").read_text() == "old"
    change_code(monkeypatch, "training/trainer.py")
    assert store.get(KEY) is None
    assert store.has(KEY)
    assert store.stale(KEY) == ("code changed: training/trainer.py",)
    with taking_stale():
        assert is_stale_taken()
        assert (store.get(KEY) / "x").read_text() == "old"
    assert not is_stale_taken()
    put("new")
    assert (store.get(KEY) / "x").read_text() == "new"
    assert store.about(KEY) == {"text": "new"}
    assert [path.name for path in store.root.glob(".writing*")] == []


def test_made_of_what_is_stale_it_is_stale_itself(tmp_path, monkeypatch):
    store = Store(tmp_path)
    with store.put(KEY, {}, Trace(LORA)):
        pass
    change_code(monkeypatch, "training/trainer.py")
    with taking_stale(), store.put(OTHER, {}, Trace(LORA)):
        assert store.get(KEY)
    assert store.stale(OTHER) == ("code changed: training/trainer.py",)
