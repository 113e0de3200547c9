"""What old code made is not given as new: it is said, made again, kept marked, or pruned."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

import acclimate
from acclimate.cli._served_systems import stale_notes
from acclimate.cli.main import main
from acclimate.core.errors import ConfigError
from acclimate.core.provenance import taking_stale
from acclimate.core.runtime.progress import report_progress_to
from acclimate.core.source_code.running_code import RUNNING
from acclimate.core.storage.artifact_store import Store
from acclimate.methods.tuning.lora import LoRA
from acclimate.study.artifact_key import ArtifactKeys
from acclimate.study.dry_run import what_is_there
from acclimate.study.findings import Confirmation
from acclimate.study.fit_cache import FitCache, FittedModel
from acclimate.study.pruning import stale_artifacts
from acclimate.study.report.render import html, markdown
from acclimate.study.report.write import JSON, read_findings, write_report
from acclimate.study.results_db import ResultsDb
from acclimate.study.run import run_study
from acclimate.study.spec import METHODS, recipes_of
from changed_code import change_code, change_library
from small_study import spec_of, write_domain

LORA = {"name": "lora", "rank": 2, "learning_rate": 1e-2, "training": {"num_epochs": 1}}
LOOP = "code changed: training/trainer.py"


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    return write_domain(tmp_path_factory.mktemp("domain") / "birds")


@pytest.fixture
def spec(domain, model_folder):
    return spec_of(domain, model_folder("llama"), recipes=[LORA])


@pytest.fixture
def fits(monkeypatch):
    """One entry a fit of lora."""
    found = []
    real = LoRA.fit
    monkeypatch.setattr(LoRA, "fit", lambda *a, **k: found.append(1) or real(*a, **k))
    return found


def rows_of(folder):
    return {(r.recipe, r.split): r for r in ResultsDb(folder / "rows.sqlite").all()}


@pytest.mark.parametrize(
    "label",
    [
        *(
            "methods/tuning/lora.py",
            "training/trainer.py",
            "nn/adapters/low_rank.py",
            "data/prompt_template.py",
        ),
        # Of the base, which lora imports nothing of: it lays out what is trained on.
        *(
            "inference/local_model.py",
            "inference/prompt_tokenizer.py",
            "models/local/huggingface.py",
        ),
    ],
)
def test_a_fit_by_other_code_is_made_again(label, spec, tmp_path, fits, monkeypatch):
    run_study(spec, tmp_path)
    run_study(spec, tmp_path)
    assert len(fits) == 1
    change_code(monkeypatch, label)
    said = []
    with report_progress_to(lambda *_: nullcontext(lambda _done: None), said.append):
        run_study(spec, tmp_path)
    assert f"lora is fitted again: code changed: {label}" in said
    assert said.count(f"rows are measured again: code changed: {label}") == 1
    assert len(fits) == 2
    before = rows_of(tmp_path)
    run_study(spec, tmp_path)
    assert len(fits) == 2
    assert rows_of(tmp_path) == before


def test_so_is_one_by_another_library(spec, tmp_path, fits, monkeypatch):
    run_study(spec, tmp_path)
    change_library(monkeypatch, "transformers", "99")
    run_study(spec, tmp_path)
    assert len(fits) == 2


@pytest.mark.parametrize(
    ("label", "num_fits"),
    [
        ("evaluation/measure.py", 1),
        ("evaluation/control_set.py", 1),
        ("metrics/likelihood/choice_accuracy.py", 1),
        ("metrics/text/exact_match.py", 1),
        ("metrics/retrieval/recall_at_k.py", 1),
        ("training/trainer.py", 2),
    ],
)
def test_a_row_counts_while_it_would_be_measured_so(
    label, num_fits, spec, tmp_path, fits, monkeypatch
):
    recipes = [LORA, "lexical_rag"]
    spec = spec.model_copy(update={"recipes": tuple(recipes)})
    run_study(spec, tmp_path)
    before = rows_of(tmp_path)
    change_code(monkeypatch, label)
    run_study(spec, tmp_path)
    after = rows_of(tmp_path)
    # Passages are scored only where there are any, as with lexical_rag.
    name = ("lexical_rag", "test") if "retrieval" in label else ("lora", "test")
    assert label in before[name].made_by.files
    assert after[name].made_by.files[label] == "of other code"
    assert len(fits) == num_fits


def test_what_no_result_follows_from_makes_nothing_stale(spec, tmp_path, fits, monkeypatch):
    run_study(spec, tmp_path)
    before = rows_of(tmp_path)
    change_code(
        monkeypatch,
        "cli/serve.py",
        "server/app.py",
        "study/report/write.py",
        "nn/quantization/nf4.py",
    )
    run_study(spec, tmp_path)
    assert rows_of(tmp_path) == before


def test_what_is_stale_is_kept_where_asked_and_marked(spec, tmp_path, fits, monkeypatch):
    fresh = run_study(spec, tmp_path)
    assert fresh.stale == {}
    assert "Not of today" not in markdown(fresh) + html(fresh)
    change_code(monkeypatch, "training/trainer.py")
    with taking_stale():
        kept = run_study(spec, tmp_path)
        shutil.rmtree(tmp_path / "rows.sqlite", ignore_errors=True)
        elsewhere = run_study(spec, tmp_path / "other")
    assert len(fits) == 1
    assert kept.stale == elsewhere.stale == {"lora": (LOOP,)}
    assert rows_of(tmp_path / "other")["lora", "test"].stale == (LOOP,)
    line = f"lora was taken as it was, though it would be made otherwise now ({LOOP})"
    assert f"Not of today's code: {line}." in markdown(kept)
    assert f"{line}." in html(kept)
    # A row measured on what was stale is no row of today's code.
    again = run_study(spec, tmp_path / "other")
    assert again.stale == {}
    assert len(fits) == 2


def test_what_stands_on_a_refitted_model_is_refitted(domain, model_folder, tmp_path, small_data):
    base = FittedModel.of(spec_of(domain, model_folder("llama")).base_source())
    store = Store(tmp_path / "store")
    chain = (METHODS.build(LORA), METHODS.build("few_shot"))
    first, last = (s.key for s in ArtifactKeys(base.key, small_data).steps(chain, 0))
    FitCache(base, small_data, store).node(chain, 0)
    assert not store.stale(last, store.made_by(first).artifacts)
    # The same thing was asked for, and another came out, as where a clock stops a training.
    with store.put(first + "0", {}, _trace_of(store, first)) as folder:
        shutil.copytree(store.get(first), folder, dirs_exist_ok=True)
        (folder / "artifact.json").unlink()
        (folder / "more.txt").write_text("x")
    content = store.made_by(first + "0").artifacts[first + "0"]
    assert store.stale(last, {first: content}) == ("what it was made from was made anew",)


def _trace_of(store, key):
    from acclimate.core.provenance import Trace

    trace = Trace()
    trace.add_made(store.made_by(key))
    return trace


def test_a_file_that_changes_before_its_import_stops_the_study(spec, tmp_path, monkeypatch):
    module = RUNNING.package("acclimate")["acclimate.training.trainer"]
    monkeypatch.setitem(RUNNING._waiting, module.name, (module, "as it was when all began"))
    with pytest.raises(
        ConfigError, match=r"^training/trainer\.py: changed since this process began"
    ):
        run_study(spec, tmp_path)
    assert ("lora", "dev") not in rows_of(tmp_path)


def everything(folder):
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if path.exists()
    }


def lines_of(spec, folder, label="lora"):
    recipe = next(r for r in recipes_of(spec) if r.label == label)
    return list(what_is_there(spec, folder).of(recipe))


def test_a_dry_run_says_what_is_there_and_what_is_stale(spec, tmp_path, fits, monkeypatch):
    assert lines_of(spec, tmp_path) == ["seed 0: lora not fitted yet; no dev row; no test row"]
    assert lines_of(spec, tmp_path, "base") == [
        "seed 0: the base is there; no dev row; no test row"
    ]
    run_study(spec, tmp_path)
    before = everything(tmp_path)
    assert lines_of(spec, tmp_path) == ["seed 0: fitted; dev row; test row"]
    change_library(monkeypatch, "transformers", "99")
    change_code(monkeypatch, "training/trainer.py")
    was = next(iter(rows_of(tmp_path).values())).made_by.libraries["transformers"]
    why = f"{LOOP}; transformers {was} → 99"
    before = everything(tmp_path)
    assert lines_of(spec, tmp_path) == [
        f"seed 0: stale ({why}); dev row stale ({why}); test row stale ({why})"
    ]
    assert everything(tmp_path) == before
    assert len(fits) == 1


def test_it_trains_no_base_for_a_key(domain, tmp_path, monkeypatch, own_store, capsys):
    monkeypatch.setattr(
        "acclimate.models.local.from_scratch.FromScratch._train",
        lambda *_: pytest.fail("trained"),
    )
    out = str(tmp_path / "out")
    with pytest.raises(SystemExit) as ended:
        main(["study", str(domain), "--base", "from_scratch", "--recipe", "zero_shot",
              "--out", out, "--dry-run"])  # fmt: skip
    assert ended.value.code in {0, None}
    assert "base not trained yet, zero_shot not fitted yet" in capsys.readouterr().out
    assert not Path(out).exists()
    assert not own_store.exists()


def test_methods_of_one_name_in_two_files_are_two(tmp_path, small_data):
    text = (
        "from acclimate.core.method import Method\nclass Mine(Method):\n"
        "    def fit(self, base, data, *, seed):\n        return base\n"
    )
    keys = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"{text}\nNAME = '{folder}'\n")
        method = METHODS.build(str(tmp_path / folder / "mine.py"))
        keys.add(ArtifactKeys("ba5e", small_data).after("ba5e", (method,), 0))
    assert len(keys) == 2


def test_a_users_file_counts_by_its_code(spec, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from acclimate.core.method import Method\nfrom acclimate.prompting.instruction import "
        "InstructionModel\nclass Mine(Method):\n    def fit(self, base, data, *, seed):\n"
        "        return InstructionModel(base, 'Be brief.', '')\n"
    )
    spec = spec.model_copy(update={"recipes": (str(path),)})
    run_study(spec, tmp_path / "out")
    before = rows_of(tmp_path / "out")
    assert str(path) in before["mine", "test"].made_by.files
    path.write_text('"""Says what it is for."""\n' + path.read_text() + "# a comment\n")
    run_study(spec, tmp_path / "out")
    assert rows_of(tmp_path / "out") == before
    path.write_text(path.read_text().replace("Be brief.", "Be long."))
    run_study(spec, tmp_path / "out")
    assert rows_of(tmp_path / "out")["mine", "test"] != before["mine", "test"]


def test_stale_bytes_are_counted_and_pruned_but_never_what_a_report_serves_from(
    spec, tmp_path, monkeypatch, own_store, capsys
):
    findings = run_study(spec.model_copy(update={"recipes": ("few_shot", LORA)}), tmp_path)
    write_report(findings, tmp_path)
    assert stale_artifacts() == []
    change_code(monkeypatch, "core/model.py")
    found = stale_artifacts()
    folders = {one.folder for one in found}
    assert folders == {path.parent for path in own_store.glob("*/??/*/artifact.json")}
    size = {f: sum(p.stat().st_size for p in f.rglob("*") if p.is_file()) for f in folders}
    assert {one.folder: one.num_bytes for one in found} == size
    served = {Path(findings.confirmation.folder)} if findings.confirmation else set()
    assert {one.folder for one in found if one.is_served} == served
    main_of("doctor")
    removed = sum(size[f] for f in folders - served)
    assert f"stale      {removed:,} bytes of artifacts" in capsys.readouterr().out
    main_of("doctor", "--prune")
    assert {path.parent for path in own_store.glob("*/??/*/artifact.json")} == served


def test_the_command_keeps_what_is_stale_and_serving_says_so(
    domain, model_folder, tmp_path, fits, monkeypatch, capsys
):
    out = tmp_path / "out"
    words = ["study", str(domain), "--base", str(model_folder("llama")), "--recipe",
             "lora rank=2 training.num_epochs=1", "seeds=[0]", "--out", str(out)]  # fmt: skip
    main_of(*words)
    assert "not of today's code" not in capsys.readouterr().out
    findings = read_findings(out)
    (out / JSON).write_text(_picking_lora(findings, tmp_path).model_dump_json())
    assert stale_notes(str(out)) == []
    change_code(monkeypatch, "training/trainer.py")
    assert stale_notes(str(out)) == [f"lora is not of today's code: {LOOP}"]
    main_of(*words, "--keep-stale")
    assert len(fits) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert f"not of today's code: lora was taken as it was, though it would be made otherwise " \
           f"now ({LOOP})" in shown  # fmt: skip
    assert read_findings(out).stale == {"lora": (LOOP,)}
    main_of(*words)
    assert len(fits) == 2
    assert read_findings(out).stale == {}


def _picking_lora(findings, tmp_path):
    """The same findings, as if the fitted model had been the best."""
    # The study's own pick lies there too, where it is not the base.
    artifacts = (tmp_path / "home/artifacts").glob("*/*/artifact.json")
    (artifact,) = (p.parent for p in artifacts if "method" in json.loads(p.read_text())["about"])
    told = Confirmation(recipe="lora", num_items=1, num_different=0, folder=str(artifact))
    pick = findings.recommendation.model_copy(update={"pick": "lora"})
    return findings.model_copy(update={"recommendation": pick, "confirmation": told})


def main_of(*words):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code in {0, None}


SCRIPT = """
import os, sys
from pathlib import Path
from acclimate.methods.tuning.lora import LoRA
from acclimate.study.results_db import ResultsDb
from acclimate.core.storage.saved_model import load_model
from acclimate.study.run import run_study
from small_study import spec_of
domain, base, out = map(Path, sys.argv[1:])
fits, real = [], LoRA.fit
LoRA.fit = lambda *a, **k: fits.append(1) or real(*a, **k)
lora = {"name": "lora", "rank": 2, "learning_rate": 0.1, "training": {"num_epochs": 1}}
run_study(spec_of(domain, base, recipes=[lora]), out)
rows = {(r.recipe, r.split): r for r in ResultsDb(out / "rows.sqlite").all()}
of = [rows[name, "test"].control.bits_per_byte for name in ("base", "lora")]
print(len(fits), *of)
"""


@pytest.mark.slow
def test_a_training_made_a_no_op_is_no_training_of_before(domain, model_folder, tmp_path):
    source = tmp_path / "src"
    shutil.copytree(Path(acclimate.__file__).parent, source / "acclimate",
                    ignore=shutil.ignore_patterns("__pycache__", "acclimate_base"))  # fmt: skip
    tests = Path(__file__).parents[1]

    def run():
        environment = {**os.environ, "PYTHONPATH": f"{source}:{tests}"}
        words = [str(domain), str(model_folder("llama")), str(tmp_path / "out")]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *words],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        num_fits, base, lora = done.stdout.split()
        return int(num_fits), float(base), float(lora)

    def change(name, before, after):
        path = source / "acclimate" / name
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after, 1))
        os.utime(path, (1, 1))

    num_fits, base, lora = run()
    assert num_fits == 1
    assert lora != base
    # Words for people are no code.
    for name in ("training/trainer.py", "training/losses.py", "core/model.py"):
        text = (source / "acclimate" / name).read_text()
        change(name, text, "# A comment.\n" + text.replace('"""', '"""So: ', 1) + "\n\n")
    assert run() == (0, base, lora)
    change("training/trainer.py", "backward(loss *", "backward(loss * 0 *")
    num_fits, unchanged, lora = run()
    assert num_fits == 1
    assert unchanged == base
    assert lora == base
