"""The files of a report: all there, or as they were."""

from pathlib import Path

import pytest

from acclimate.core.errors import BackendError, ConfigError, DataError
from acclimate.study.report.write import read_findings, write_report
from example_findings import TABLE, example


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("report")
    write_report(example(), where)
    return where


def test_only_the_three_files_are_left(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "report.json", "report.md"]


@pytest.fixture(scope="module")
def texts(folder: Path) -> tuple[str, str]:
    html = (folder / "report.html").read_text().replace("<wbr>", "").replace("&gt;", ">")
    return html, (folder / "report.md").read_text().replace("\\", "")


@pytest.mark.parametrize("recipe", [row[0] for row in TABLE] + ["dpo", "qlora"])
def test_every_recipe_is_there(texts: tuple[str, str], recipe: str) -> None:
    html, markdown = texts
    assert f'<th scope="row">{recipe}' in html
    assert f"{recipe}" in markdown


def test_reasons_of_rows_without_a_result(texts: tuple[str, str]) -> None:
    for text in texts:
        assert "dpo needs preferences" in text
        assert "no room on the disk" in text


def test_pick_and_base_are_marked(texts: tuple[str, str]) -> None:
    assert "| hybrid_rag (the pick) |" in texts[1]
    assert "| tiny-base (base) |" in texts[1]


def test_findings_survive_the_json(folder: Path) -> None:
    assert read_findings(folder) == example()


def test_markdown_tables_have_as_many_cells_as_heads(folder: Path) -> None:
    lines = (folder / "report.md").read_text().splitlines()
    tables = [line for line in lines if line.startswith("|")]
    widths = {line.replace("\\|", "").count("|") for line in tables}
    assert len(tables) == 2 * (2 + len(TABLE))
    assert len(widths) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": 1}'])
def test_a_broken_json_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(DataError, match=r"report\.json: not the findings of a study"):
        read_findings(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BackendError, match="the report cannot be written"):
        write_report(example(), tmp_path / "file")


def test_a_failure_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(example(), tmp_path)
    before = (tmp_path / "report.html").read_text()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ConfigError, match=r"no room on the disk .* with --out"):
        write_report(example(title="Another"), tmp_path)
    assert (tmp_path / "report.html").read_text() == before
    assert len(list(tmp_path.iterdir())) == 3
