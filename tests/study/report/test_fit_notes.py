"""What fits told: facts over seeds, curves put together, nothing told twice."""

import json
import re
from pathlib import Path

import pytest

from acclimate.core.runtime.fit_log import Notes
from acclimate.study.report.fit_notes import fit_notes
from acclimate.study.report.write import write_report
from example_findings import example, standing

FALLING = ((0.0, 3.0), (10.0, 1.0), (20.0, 2.0))


def noted(*notes: Notes, recipe: str = "lora", method: str = "lora"):
    return standing(recipe, 0.6, notes={method: notes})


def test_facts_that_differ_are_a_mean_and_a_range() -> None:
    seeds = [Notes(facts={"rows": 10, "rate": rate, "kind": "a"}) for rate in (0.25, 0.75)]
    (found,) = fit_notes([noted(*seeds)])
    assert dict(found.facts) == {
        "rows": "10",
        "rate": "0.5000 (mean of 2 seeds, 0.2500 to 0.7500)",
        "kind": "a",
    }


def test_train_and_dev_stand_in_one_chart_and_others_in_their_own() -> None:
    curves = {"train loss, nats": FALLING[1:], "dev loss, nats": FALLING, "length": ((0, 1.5),)}
    (found,) = fit_notes([noted(Notes(curves=curves), Notes(curves=curves))])
    loss, length = found.charts
    assert (loss.title, length.title) == ("loss, nats", "length")
    assert [kind for kind, _ in loss.lines] == ["train", "train", "dev", "dev"]
    assert "dev from 3 at step 0 to 2 at 20, least 1 at 10" in loss.says
    assert length.says == "from 1.500 at step 0 to 1.500 at 0."


def test_a_fit_that_two_recipes_share_is_told_once() -> None:
    notes = Notes(facts={"rows": 3})
    first, second = fit_notes([noted(notes), noted(notes, recipe="lora + rag")])
    assert (first.same_as, second.same_as) == ("", "lora")
    assert second.facts == ()


def test_what_told_nothing_is_not_there() -> None:
    assert fit_notes([standing("few_shot", 0.5)]) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("report")
    write_report(example(), where)
    return where


def test_all_three_forms_tell_it(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    section = page[page.index('id="told"') :].split("</section>")[0]
    assert section.count("<svg") == 4  # two charts of lora, told once, and two of full_finetuning
    assert "1,179,648" in section
    markdown = (folder / "report.md").read_text().replace("\\", "")
    assert "## What fitting told" in markdown
    assert "- loss, nats: train from" in markdown
    found = json.loads((folder / "report.json").read_text())
    assert len(found["standings"][0]["notes"]["lora"]) == 3


def test_every_chart_is_drawn_beside_its_own_facts(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    section = page[page.index('id="told"') :].split("</section>")[0]
    for method, part in zip(
        ("lora", "full_finetuning"), re.split(r"<details", section)[1:], strict=True
    ):
        assert f"length of the update, {method}" in part


def test_a_study_without_notes_has_no_such_section(tmp_path: Path) -> None:
    plain = tuple(s.model_copy(update={"notes": {}}) for s in example().standings)
    write_report(example(standings=plain), tmp_path)
    assert "What fitting told" not in (tmp_path / "report.html").read_text()
    assert "What fitting told" not in (tmp_path / "report.md").read_text()
