"""The report verb."""

from pathlib import Path

import pytest

from acclimate.cli.report import run
from acclimate.core.errors import DataError
from acclimate.study.report import write_report
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
