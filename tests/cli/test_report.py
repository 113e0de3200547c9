"""The report verb."""

import shutil
from pathlib import Path

import pytest

from acclimate.cli.report import run
from acclimate.core.errors import DataError
from acclimate.study.report.write import read_findings, write_report
from example_findings import example


def test_the_page_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(example(), tmp_path)
    page = tmp_path / "report.html"
    before = page.read_text()
    page.unlink()
    run(tmp_path)
    assert page.read_text() == before
    assert str(page) in capsys.readouterr().out


def test_a_folder_without_a_report(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name the folder that a study wrote its report to"):
        run(tmp_path)


def test_the_findings_of_an_old_run_are_shown_under_the_names_they_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Path(__file__).parents[1] / "former_names" / "report.json"
    shutil.copy(old, tmp_path)
    run(tmp_path)
    text = (tmp_path / "report.md").read_text().replace("\\_", "_")
    for label in ("full", "lora + full", "combined", "few_shot + prompt_cache", "behaviour"):
        assert f"| {label} " in text
    assert "full is the pick because" in text
    assert "willing" in text
    assert "called" not in capsys.readouterr().err
    assert read_findings(tmp_path).recommendation.pick == "full"
