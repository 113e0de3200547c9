"""A study end to end: rows, reuse, the lock, damaged artifacts, broken methods, the pick."""

import shutil

import pytest

from acclimate.core.errors import BudgetError, ConfigError
from acclimate.methods.tuning.lora import LoRA
from acclimate.study.findings import main_scores
from acclimate.study.results_db import ResultsDb
from acclimate.study.run import run_study
from small_study import spec_of, write_domain


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    return write_domain(tmp_path_factory.mktemp("domain") / "birds")


@pytest.fixture
def base(model_folder):
    return model_folder("llama")


@pytest.fixture
def num_fits(monkeypatch):
    fits = []
    real = LoRA.fit
    monkeypatch.setattr(LoRA, "fit", lambda *a, **k: fits.append(1) or real(*a, **k))
    return fits


def essence(folder):
    """All of the rows that does not depend on the clock."""
    return {
        (r.recipe, r.seed, r.split): (r.status, r.key, r.scores, r.answers, r.control)
        for r in ResultsDb(folder / "rows.sqlite").all()
    }


def test_every_recipe_is_measured_once_and_the_second_run_fits_nothing(
    domain, base, tmp_path, num_fits
):
    spec = spec_of(domain, base)
    first = run_study(spec, tmp_path / "out")
    # lora, and lora on prompts with passages; `lora + lexical_rag` reuses the first.
    assert len(num_fits) == 2
    assert [s.status for s in first.standings] == ["done"] * 6
    assert len(essence(tmp_path / "out")) == 12
    assert first.num_items == {"colour": 8, "say": 8}
    before = essence(tmp_path / "out")
    again = run_study(spec, tmp_path / "out")
    assert len(num_fits) == 2
    assert essence(tmp_path / "out") == before
    assert again.standings == first.standings
    # Another study, the same store: other rows, nothing fitted.
    run_study(spec, tmp_path / "other")
    assert len(num_fits) == 2
    assert essence(tmp_path / "other") == before


def test_retrieval_is_scored_beside_the_answer(domain, base, tmp_path):
    findings = run_study(spec_of(domain, base, recipes=["lexical_rag"]), tmp_path)
    rag = next(s for s in findings.standings if s.recipe == "lexical_rag")
    assert rag.tasks["say"]["recall_at_k"].mean == 1.0
    assert "recall_at_k" not in findings.standings[-1].tasks["say"] or rag


def test_forgetting_is_measured_where_weights_changed_and_exactly_0_elsewhere(
    domain, base, tmp_path
):
    findings = run_study(spec_of(domain, base), tmp_path)
    changes = {s.recipe: s.forgetting.bits_per_byte for s in findings.standings}
    assert changes["few_shot"] == changes["lexical_rag"] == 0
    assert changes["lora"] != 0
    assert changes["lora"] == changes["lora + lexical_rag"]


def test_a_flipped_byte_is_found_and_refitted(domain, base, tmp_path, num_fits, own_store):
    spec = spec_of(domain, base)
    run_study(spec, tmp_path / "out")
    before = essence(tmp_path / "out")
    for path in own_store.rglob("adapter_model.safetensors"):
        whole = bytearray(path.read_bytes())
        whole[len(whole) // 2] ^= 1
        path.write_bytes(whole)
    shutil.rmtree(tmp_path / "out")
    run_study(spec, tmp_path / "out")
    assert len(num_fits) == 4
    assert essence(tmp_path / "out") == before


def test_a_changed_test_set_needs_relock(domain, base, tmp_path):
    own = shutil.copytree(domain, tmp_path / "domain")
    spec = spec_of(own, base, recipes=["few_shot"])
    run_study(spec, tmp_path / "out")
    lines = (own / "test.jsonl").read_text().splitlines(keepends=True)
    (own / "test.jsonl").write_text("".join(lines[:-2]))
    with pytest.raises(ConfigError, match="--relock"):
        run_study(spec, tmp_path / "out")
    findings = run_study(spec, tmp_path / "out", is_relocked=True)
    assert findings.num_items == {"colour": 7, "say": 7}
    # The rows of the old test set are still there, and known to be of another.
    hashes = {
        r.items_hash for r in ResultsDb(tmp_path / "out/rows.sqlite").all() if r.split == "test"
    }
    assert len(hashes) == 2


def test_a_changed_control_set_is_measured_again(domain, base, tmp_path):
    own = shutil.copytree(domain, tmp_path / "domain")
    spec = spec_of(own, base, recipes=["full_finetuning"])
    before = {s.recipe: s.forgetting for s in run_study(spec, tmp_path / "out").standings}
    (own / "control.jsonl").write_text('{"text": "Quite another text, of other words."}\n')
    after = {s.recipe: s.forgetting for s in run_study(spec, tmp_path / "out").standings}
    assert after["full_finetuning"] != before["full_finetuning"]
    assert after["base"].bits_per_byte == 0


def test_what_cannot_be_is_skipped_and_what_breaks_is_failed_with_the_reason(base, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(
        '"""Break."""\n'
        "from acclimate.core.method import Method\n"
        "class Broken(Method):\n"
        '    """Breaks."""\n'
        "    def fit(self, base, data, *, seed):\n"
        '        raise RuntimeError("no such luck")\n'
    )
    own = write_domain(tmp_path / "domain", has_documents=False)
    findings = run_study(
        spec_of(own, base, recipes=["few_shot", str(path), "lexical_rag"]), tmp_path / "out"
    )
    found = {s.recipe: (s.status, s.reason) for s in findings.standings}
    assert found["few_shot"][0] == "done"
    assert found["broken"] == ("failed", "RuntimeError: no such luck (broken.py, line 6)")
    assert found["lexical_rag"] == ("skipped", "lexical_rag needs documents")


def test_recorded_answers_stand_beside_ours(domain, base, tmp_path):
    import json

    rows = [json.loads(line) for line in (domain / "test.jsonl").read_text().splitlines()]
    answers = [{"item": r["id"], "answer": r["answer"], "seconds": 0.5, "usd": 0.01} for r in rows]
    table = tmp_path / "gold.jsonl"
    table.write_text("".join(json.dumps(a) + "\n" for a in answers))
    spec = spec_of(domain, base, recipes=["few_shot"], recorded={"oracle": str(table)})
    findings = run_study(spec, tmp_path / "out")
    oracle = findings.standings[0]
    assert (oracle.recipe, oracle.quality.mean) == ("oracle", 1.0)
    assert oracle.latency_seconds == 0.5
    assert oracle.peak_bytes is None
    assert findings.recommendation.pick == "oracle"
    assert findings.recommendation.beats_base
    assert oracle.total_usd == pytest.approx(120_000 * oracle.request_usd)


def test_what_was_not_recorded_is_not_free(domain, base, tmp_path):
    import json

    rows = [json.loads(line) for line in (domain / "test.jsonl").read_text().splitlines()]
    table = tmp_path / "gold.jsonl"
    table.write_text("".join(json.dumps({"item": r["id"], "answer": "?"}) + "\n" for r in rows))
    spec = spec_of(domain, base, recipes=[], recorded={"other": str(table)})
    findings = run_study(spec, tmp_path / "out")
    other = next(s for s in findings.standings if s.recipe == "other")
    told = ("fit_seconds", "fit_usd", "seconds_per_item", "tokens_per_item", "total_usd")
    assert [getattr(other, name) for name in told] == [None] * 5
    assert findings.recommendation.pick == "base"


def test_the_pick_is_saved_loaded_and_scored_again(domain, base, tmp_path):
    from acclimate.core.storage.artifact_store import Store
    from acclimate.core.storage.saved_model import load_model
    from acclimate.evaluation.measure import measure
    from acclimate.study.analysis.confirm import confirm
    from acclimate.study.fit_cache import FitCache
    from acclimate.study.run import FittedModel
    from acclimate.study.spec import recipes_of

    spec = spec_of(domain, base)
    run_study(spec, tmp_path / "out")
    loaded = spec.domain_source().load()
    source = spec.base_source()
    begun = FittedModel.of(source)
    workshop = FitCache(begun, loaded.train_data(), Store(tmp_path / "store"))
    recipe = next(r for r in recipes_of(spec) if r.label == "lora + lexical_rag")
    row = next(
        r
        for r in ResultsDb(tmp_path / "out/rows.sqlite").all()
        if (r.recipe, r.split) == (recipe.label, "test")
    )
    confirmed = confirm(recipe, row, loaded, workshop)
    assert (confirmed.num_items, confirmed.num_different) == (len(main_scores(row)), 0)
    # It stands alone: the folder is enough to answer as was measured.
    shutil.move(confirmed.folder, tmp_path / "pick")
    own = load_model(tmp_path / "pick")
    assert main_scores(row.model_copy(update={"scores": measure(own, loaded.test).scores})) == (
        pytest.approx(main_scores(row), abs=1e-3)
    )
    wrong = {t: {m: {i: 1 - s for i, s in by.items()} for m, by in ms.items()}
             for t, ms in row.scores.items()}  # fmt: skip
    with pytest.raises(Exception, match="do not serve it"):
        confirm(recipe, row.model_copy(update={"scores": wrong}), loaded, workshop)


def test_a_limit_that_nothing_keeps_is_exit_3_and_the_report_is_there(domain, base, tmp_path):
    from acclimate.cli._run_study import carry_out

    spec = spec_of(domain, base, recipes=["few_shot"], limits={"min_quality": 1.1})
    with pytest.raises(BudgetError, match="no recipe keeps every limit") as found:
        carry_out(spec, tmp_path / "out", is_relocked=False, is_json=False)
    assert found.value.exit_code == 3
    assert "Nothing keeps the limits" in (tmp_path / "out/report.html").read_text()


def test_a_study_that_cannot_be_leaves_nothing(domain, tmp_path):
    with pytest.raises(ConfigError, match="there is no such folder"):
        run_study(spec_of(domain, tmp_path / "no base"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
