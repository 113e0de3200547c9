"""A new domain folder: whole, valid, and never over something that is there."""

import pytest

from acclimate.cli.init import run
from acclimate.core.errors import ConfigError
from acclimate.tasks.files.folder import Folder


def test_what_is_written_passes_every_check(tmp_path, capsys):
    run(tmp_path / "new" / "domain")
    domain = Folder(path=tmp_path / "new" / "domain").load()
    assert domain.name == "bicycle library"
    assert {task.name for task in domain.test} == {"rule", "best_reply"}
    assert all(split for split in (domain.train, domain.dev, domain.documents))
    assert f"acclimate check {tmp_path / 'new' / 'domain'}" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["domain"]


def test_an_empty_folder_is_filled_even_if_we_stand_in_it(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run(tmp_path / "here")
    assert (tmp_path / "here" / "domain.yaml").is_file()
    assert (tmp_path / "here" / "documents" / "repairs.md").is_file()


@pytest.mark.parametrize("is_file", [True, False])
def test_what_is_there_is_not_touched(tmp_path, is_file):
    target = tmp_path / "there"
    if not is_file:
        target.mkdir()
    (target if is_file else target / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="there: is there and not empty"):
        run(target)
    assert (target if is_file else target / "mine.txt").read_text() == "mine"


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        run(tmp_path / "file" / "below")
