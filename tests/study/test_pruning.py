"""What is stale is pruned, but never what a report serves from, or may."""

from types import SimpleNamespace

import pytest

from acclimate.core.home import home
from acclimate.core.provenance import Provenance, Trace
from acclimate.core.storage.artifact_store import Store
from acclimate.study.pinned import is_served, pin
from acclimate.study.pruning import prune, stale_artifacts
from changed_code import change_code

KEY, BASE = "ab" + "0" * 62, "cd" + "0" * 62


def artifact(store, key, about):
    store = Store(home() / store)
    with store.put(key, about, Trace("acclimate.core.model")) as folder:
        (folder / "weights").write_text("x" * 1000)
    return store.get(key)


@pytest.fixture
def whole():
    """A model that was saved to be served."""
    return artifact("artifacts", KEY, {"whole": "x"})


def findings_of(folder, pick="lora"):
    return SimpleNamespace(
        confirmation=SimpleNamespace(folder=str(folder)) if folder else None,
        recommendation=SimpleNamespace(pick=pick),
        base="base",
    )


def base_of(key=""):
    return SimpleNamespace(content={key: "content"} if key else {})


def pruned(monkeypatch):
    change_code(monkeypatch, "core/model.py")
    return prune(stale_artifacts())


def test_what_is_not_stale_stays(whole):
    artifact("indexes", BASE, {})
    assert prune(stale_artifacts()) == 0


def test_what_is_stale_goes(monkeypatch):
    folder = artifact("indexes", BASE, {})
    size = sum(path.stat().st_size for path in folder.iterdir())
    change_code(monkeypatch, "core/model.py")
    (found,) = stale_artifacts()
    assert (found.folder, found.num_bytes, found.is_served) == (folder, size, False)
    assert prune([found]) == size
    assert not folder.exists()


def test_so_does_what_was_written_before_anybody_noted_how():
    folder = home() / "artifacts" / "ef" / ("ef" + "0" * 62)
    folder.mkdir(parents=True)
    (folder / "artifact.json").write_text('{"about": {}, "files": {}}')
    assert prune(stale_artifacts()) > 0
    assert not folder.exists()


def test_a_saved_pick_stays_though_its_report_is_not_known(whole, monkeypatch):
    assert pruned(monkeypatch) == 0
    assert whole.is_dir()


@pytest.mark.parametrize("becomes", ["as it was", "moved", "damaged"])
def test_what_a_report_serves_from_stays(becomes, whole, tmp_path, monkeypatch):
    report = tmp_path / "out" / "report.json"
    report.parent.mkdir()
    report.write_text(f'{{"folder": "{whole}"}}')
    pin(findings_of(whole), base_of(), report.parent)
    if becomes == "moved":
        report.parent.rename(tmp_path / "elsewhere")
    elif becomes == "damaged":
        report.write_bytes(b"\xff\xfe")
    assert is_served(whole)
    assert pruned(monkeypatch) == 0
    assert whole.is_dir()


def test_it_goes_when_its_report_serves_from_another(whole, tmp_path, monkeypatch):
    (tmp_path / "report.json").write_text('{"folder": "another"}')
    pin(findings_of(whole), base_of(), tmp_path)
    assert pruned(monkeypatch) > 0
    assert not whole.exists()


def test_of_two_reports_one_is_enough(whole, tmp_path, monkeypatch):
    for name, text in (("one", "another"), ("two", str(whole))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(text)
        pin(findings_of(whole), base_of(), tmp_path / name)
    assert pruned(monkeypatch) == 0


def test_a_base_that_is_the_pick_stays_and_another_goes(tmp_path, monkeypatch):
    base = artifact("bases", BASE, {})
    other = artifact("bases", KEY, {})
    (tmp_path / "report.json").write_text(f'{{"base": "{BASE}"}}')
    pin(findings_of(None, "lora"), base_of(KEY), tmp_path)
    pin(findings_of(None, "base"), base_of(BASE), tmp_path)
    assert pruned(monkeypatch) > 0
    assert base.is_dir()
    assert not other.exists()
    assert Provenance().stale()
