"""Files and folders are there whole, or as they were before."""

import errno
from pathlib import Path
from unittest.mock import patch

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.storage.atomic import saved_whole, write_whole


def test_a_text_takes_the_place_of_another(tmp_path):
    path = tmp_path / "new" / "a.json"
    for text in ("one", "two"):
        write_whole(path, text)
        assert path.read_text() == text
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


def test_a_full_disk_leaves_the_text_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, "one")

    def full(self, text, **_):
        self.write_bytes(b"t")
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        patch.object(Path, "write_text", full),
        pytest.raises(ConfigError, match=r"no room on the disk .* another --out"),
    ):
        write_whole(path, "two")
    assert path.read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_other_faults_are_not_called_a_full_disk(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        write_whole(tmp_path / "file" / "in", "text")


@pytest.mark.parametrize(
    "error", [Exception("No space left (os error 28)"), OSError(errno.ENOSPC, "No space")]
)
def test_a_folder_that_could_not_be_written_is_as_it_was(tmp_path, error):
    with saved_whole(tmp_path / "model", "config.json") as aside:
        (aside / "config.json").write_text("one")

    def fail():
        with saved_whole(tmp_path / "model", "config.json") as aside:
            (aside / "config.json").write_text("two")
            raise error

    with pytest.raises(ConfigError, match="model: no room on the disk"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "config.json").read_text() == "one"


def test_a_folder_of_another_kind_is_not_replaced(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("mine")
    with (
        pytest.raises(ConfigError, match="holds something else"),
        saved_whole(tmp_path / "model", "config.json"),
    ):
        pass
    assert (tmp_path / "model" / "mine.txt").read_text() == "mine"
