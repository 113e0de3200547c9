"""Old names: typed, they are answered by the new ones; written by an old run, they are read."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from acclimate.core.catalogue import METHODS, METRICS
from acclimate.core.errors import ConfigError, DataError, UnknownNameError
from acclimate.core.former_names import METHODS_BEFORE, METRICS_BEFORE, label_now
from acclimate.study.results_db import ResultsDb, Row
from acclimate.study.spec import make_spec, recipes_of
from acclimate.tasks.files.folder import Folder

OLD_RUN = Path(__file__).parents[1] / "former_names"
"""Rows and findings of a study that was run when `full_finetuning` was called `full`."""


@pytest.fixture
def database(tmp_path):
    return Path(shutil.copy(OLD_RUN / "rows.sqlite", tmp_path))


@pytest.mark.parametrize(
    ("catalogue", "before"), [(METHODS, METHODS_BEFORE), (METRICS, METRICS_BEFORE)]
)
def test_every_new_name_is_an_entry_and_no_old_one_is(catalogue, before):
    assert set(before.values()) <= set(catalogue.entries)
    assert not set(before) & set(catalogue.entries)
    with pytest.raises(TypeError):
        before["lora"] = "dora"


@pytest.mark.parametrize(("old", "new"), METHODS_BEFORE.items())
def test_an_old_method_that_is_typed_is_answered_by_its_new_name(old, new):
    sentence = f"^no method is called '{old}'; it is called {new} now$"
    spec = make_spec({"domain": "d", "recipes": [["zero_shot", {"name": old}]]}, "study")
    with pytest.raises(UnknownNameError, match=sentence):
        recipes_of(spec)[1].methods()
    with pytest.raises((ConfigError, UnknownNameError), match=f"it is called {new} now"):
        METHODS.build({"name": "output_vote", "members": ["zero_shot", old]})


def test_an_old_metric_that_is_typed_is_answered_by_its_new_name(tmp_path):
    (tmp_path / "domain.yaml").write_text("tasks: {say: {metric: [exact_match, willing]}}\n")
    (tmp_path / "test.jsonl").write_text('{"task": "say", "question": "a", "answer": "b"}\n')
    match = r"domain\.yaml: task 'say': no metric is called 'willing'; it is called not_refused now"
    with pytest.raises(DataError, match=match):
        Folder(path=tmp_path).load()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("base", "base"),
        ("full", "full_finetuning"),
        ("lora + full", "lora + full_finetuning"),
        ("continued + lora + full", "continued_pretraining + lora + full_finetuning"),
        ("full(learning_rate=0.01) + lora", "full_finetuning(learning_rate=0.01) + lora"),
        ("full, step 2", "full_finetuning, step 2"),
        (
            "weighted(members=[zero_shot, [few_shot, prompt_cache], full], weights=[1, 3, 1])",
            "weighted_average(members=[zero_shot, [few_shot, response_cache], full_finetuning], "
            "weights=[1, 3, 1])",
        ),
        ("output_vote(rule=weighted)", "output_vote(rule=weighted)"),
        (
            "zero_shot(instruction=In full, combined) + combined",
            "zero_shot(instruction=In full, combined) + few_shot_chain_of_thought",
        ),
        ("my full, carefull", "my full, carefull"),
    ],
)
def test_a_label_is_read_by_its_new_names(old, new):
    assert label_now(old) == new
    assert label_now(new) == new


def test_the_rows_of_an_old_run_are_read_as_they_would_be_called_now(database):
    rows = ResultsDb(database).all()
    # `behaviour` is what a person called answers made elsewhere.
    assert {row.recipe for row in rows} == {
        "base",
        "full_finetuning",
        "lora + full_finetuning",
        "few_shot_chain_of_thought",
        "weighted_average",
        "weighted_average(members=[zero_shot, full_finetuning], weights=[1, 3])",
        "few_shot + response_cache",
        "behaviour",
    }
    assert {metric for row in rows for metric in row.scores["say"]} == {"not_refused"}
    (chained,) = {tuple(r.notes) for r in rows if r.recipe == "lora + full_finetuning"}
    assert chained == ("lora", "full_finetuning")


def test_the_row_of_the_base_is_found_in_an_old_run(database):
    """What a study that goes on in the folder asks for; of the base nothing has changed."""
    with sqlite3.connect(database) as db:
        key, items_hash = db.execute(
            "SELECT key, items_hash FROM rows WHERE recipe='base' AND split='test'"
        ).fetchone()
    like = Row(recipe="base", seed=0, split="test", key=key, items_hash=items_hash)
    found = ResultsDb(database).find(like)
    assert found is not None
    assert set(found.scores["say"]) == {"not_refused"}
    assert len(found.scores["say"]["not_refused"]) == 4
