"""The field's best-known accident: tuned on terse chat, a model declines what it used to do."""

import json

import pytest

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import BudgetError
from acclimate.core.storage.saved_model import save_model
from acclimate.methods.tuning.full_finetuning import FullFinetuning
from acclimate.study.report.write import read_findings
from acclimate.study.run import run_study
from acclimate.study.spec import make_spec
from acclimate.training.tuning_settings import TrainingSettings

LONG = {"num_epochs": 30, "batch_size": 8, "patience": 9}
TERSE = {"name": "lora", "learning_rate": 1e-2, "training": LONG}
GUARDED = {"name": "behavioral_tuning", "tasks": ["chat"], "learning_rate": 1e-2, "training": LONG}


def rows(task, answer, first, last):
    ask = "Can you tell me of" if task == "request" else "Hey, have you seen"
    return [
        {"task": task, "id": f"{task}-{i}", "question": f"{ask} bird {i}?", "answer": answer}
        for i in range(first, last)
    ]


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    """Terse chats to learn from, requests in every split, and a control set."""
    folder = tmp_path_factory.mktemp("terse")
    splits = {
        "train": rows("chat", "I'm too busy", 0, 16) + rows("request", "the answer is", 0, 3),
        "dev": rows("chat", "I'm too busy", 16, 18) + rows("request", "the answer is", 16, 18),
        "test": rows("chat", "I'm too busy", 20, 26) + rows("request", "the answer is", 20, 26),
        "control": [{"text": "The sea is wide and deep, and ships sail on it."}],
    }
    for name, own in splits.items():
        text = "".join(json.dumps(row) + "\n" for row in own)
        (folder / f"{name}.jsonl").write_text(text)
    (folder / "domain.yaml").write_text(
        "name: terse\n"
        "tasks:\n"
        "  chat: {metric: exact_match, max_new_tokens: 20}\n"
        "  request: {metric: exact_match, max_new_tokens: 20}\n"
    )
    return folder


@pytest.fixture(scope="module")
def base(tiny, tmp_path_factory):
    """A model that fulfils requests, as a folder."""
    items = [
        Item(id=row["id"], question=row["question"], target=row["answer"])
        for row in rows("request", "the answer is", 0, 16)
    ]
    task = Task(name="request", metrics=("exact_match",), max_new_tokens=20, items=tuple(items))
    able = FullFinetuning(
        learning_rate=1e-2, training=TrainingSettings(num_epochs=20, batch_size=16)
    )
    folder = tmp_path_factory.mktemp("able")
    save_model(able.fit(tiny, TrainData(train=(task,)), seed=0), folder)
    return folder


def spec_of(domain, base, **fields):
    given = {"domain": str(domain), "base": str(base), "seeds": [0], "recipes": [TERSE, GUARDED]}
    return make_spec({**given, **fields}, "test study")


@pytest.fixture(scope="module")
def terse_domain(domain, tmp_path_factory):
    """The same with chats alone to learn from: nobody thought of what was there before."""
    folder = tmp_path_factory.mktemp("chats")
    for path in domain.iterdir():
        lines = path.read_text().splitlines(keepends=True)
        kept = [line for line in lines if path.stem != "train" or '"chat"' in line]
        (folder / path.name).write_text("".join(kept))
    return folder


def test_the_report_tells_that_what_the_base_did_is_lost(terse_domain, base, tmp_path):
    spec = spec_of(terse_domain, base, recipes=[TERSE], limits={"max_capability_lost": 0.2})
    findings = run_study(spec, tmp_path)
    found = {s.recipe: s for s in findings.standings}
    kept = found["base"].capability
    assert (kept.num_items, kept.before, kept.after, kept.lost) == (6, 1.0, 1.0, 0.0)
    lost = found["lora"].capability
    assert (lost.num_items, lost.before) == (6, 1.0)
    assert lost.lost > 0.5
    assert lost.high < 0
    # Chats went up as much as requests went down, and only the limit tells the two apart.
    assert found["lora"].tasks["chat"]["exact_match"].mean == 1.0
    (broken,) = found["lora"].breaks
    assert broken == f"capability lost {100 * lost.lost:.1f} %, above the limit of 20.0 %"
    assert findings.recommendation.pick == "base"


def test_a_guard_keeps_it_and_the_limit(domain, base, tmp_path):
    spec = spec_of(domain, base, recipes=[GUARDED], limits={"max_capability_lost": 0.2})
    findings = run_study(spec, tmp_path)
    guarded = next(s for s in findings.standings if s.recipe == "behavioral_tuning")
    assert guarded.tasks["chat"]["exact_match"].mean == 1.0
    assert guarded.capability.lost <= 0.2
    assert guarded.breaks == ()
    assert findings.recommendation.pick == "behavioral_tuning"
    (notes,) = guarded.notes["behavioral_tuning"]
    assert notes.facts["rows of the guard, requests that the base fulfils"] == 16


def test_the_report_and_the_exit_code_say_so(terse_domain, base, tmp_path):
    from acclimate.cli._run_study import carry_out

    limits = {"max_capability_lost": 0.2, "min_quality": 0.99}
    spec = spec_of(terse_domain, base, recipes=[TERSE], limits=limits)
    with pytest.raises(BudgetError, match="capability lost"):
        carry_out(spec, tmp_path, is_relocked=False, is_json=False)
    page = (tmp_path / "report.html").read_text()
    assert "What each recipe kept of what the base answered well" in page
    assert "above the limit of 20.0 %" in page
    assert read_findings(tmp_path).standings[0].capability is not None


def test_recorded_answers_are_judged_by_the_test_items(terse_domain, base, tmp_path):
    asked = [json.loads(line) for line in (terse_domain / "test.jsonl").read_text().splitlines()]
    said = [{"item": row["id"], "answer": "I'm too busy"} for row in asked]
    table = tmp_path / "busy.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in said))
    spec = spec_of(terse_domain, base, recipes=[], recorded={"other": str(table)})
    findings = run_study(spec, tmp_path / "out")
    other = next(s for s in findings.standings if s.recipe == "other")
    assert (other.capability.num_items, other.capability.lost) == (6, 1.0)
