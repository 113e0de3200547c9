"""What `check` prints, and that errors rise to the one place that prints them."""

import json

import pytest

from acclimate.cli import check, init
from acclimate.core.errors import ConfigError, DataError


@pytest.fixture
def folder(tmp_path, capsys):
    init.run(tmp_path / "domain")
    capsys.readouterr()
    return tmp_path / "domain"


def test_table_and_notes(folder, capsys):
    check.run(folder)
    out = capsys.readouterr().out
    assert "bicycle library: no errors" in out
    assert "best_reply" in out
    assert "3 documents" in out
    assert "dev: 2 of the 14 items of train, cut by group with seed 0" in out
    assert f"Next: acclimate study {folder}" in out


def test_json(folder, capsys):
    check.run(folder, as_json=True)
    found = json.loads(capsys.readouterr().out)
    rule = found["tasks"][0]
    assert (rule["task"], rule["test"], rule["metrics"]) == ("rule", 6, "exact_match")
    assert rule["train"] + rule["dev"] == 10
    assert found["documents"] == 3


def test_lengths_for_a_base(folder, capsys, model_folder):
    yaml = folder / "domain.yaml"
    yaml.write_text(yaml.read_text().replace("max_new_tokens: 16", "max_new_tokens: 1"))
    check.run(folder, base=str(model_folder("llama")))
    assert "take more than max_new_tokens=1 tokens" in capsys.readouterr().out


def test_a_base_that_does_not_fit_is_told_before_it_is_loaded(folder, tmp_path):
    header = {"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    text = json.dumps(header).encode()
    (tmp_path / "huge").mkdir()
    with (tmp_path / "huge" / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + 2**42)  # sparse: it takes no room
    with pytest.raises(ConfigError, match=r"1,099,511,627,776 parameters\) needs about 4096"):
        check.run(folder, base=str(tmp_path / "huge"))


def test_an_error_rises_with_exit_code_two(folder):
    with (folder / "test.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(DataError, match=r"test\.jsonl, line 9.*: malformed JSON") as raised:
        check.run(folder)
    assert raised.value.exit_code == 2
