"""`acclimate compare` on files that another tool wrote."""

import json

import pytest
import typer
from typer.testing import CliRunner

from acclimate.cli import compare
from acclimate.core.errors import ConfigError, DataError

app = typer.Typer()
app.command()(compare.run)


@pytest.fixture(autouse=True)
def terminal_of_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def wide(tmp_path, num_systems, num_items=40, group=False):
    """System k is right on the first items, more of them the higher k is."""
    path = tmp_path / "outputs.csv"
    names = [f"s{k}" for k in range(num_systems)]
    lines = [",".join(["item", *names, *(["group"] if group else [])])]
    for i in range(num_items):
        right = [int(i < 8 + 20 * k / num_systems) for k in range(num_systems)]
        lines.append(",".join(map(str, [i, *right, *([i // 4] if group else [])])))
    path.write_text("\n".join(lines))
    return path


def test_two_tables_that_fit(tmp_path):
    result = invoke(wide(tmp_path, 3))
    assert result.exit_code == 0, result.exception
    lines = result.stdout.splitlines()
    assert "3 systems paired on 40 items." in lines[0]
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines if " to " in line]
    assert [row[1] for row in rows[:3]] == ["s2", "s1", "s0"]
    assert [row[:3] for row in rows[3:]] == [
        ["s2", "over", "s1"],
        ["s2", "over", "s0"],
        ["s1", "over", "s0"],
    ]
    assert "exact McNemar test" in result.stdout
    assert "all 3 pairs" in result.stdout


def test_groups_and_left_out_items_are_said(tmp_path):
    path = wide(tmp_path, 2, group=True)
    path.write_text(path.read_text() + "\nlast,,1,9\n")
    text = " ".join(invoke(path).stdout.split())
    assert "paired on 40 items in 10 groups; left out 1 that some system has no score of" in text
    assert "sign flips by group" in text


def test_json_has_every_pair(tmp_path):
    found = json.loads(invoke(wide(tmp_path, 12), "--json").stdout)
    assert len(found["differences"]) == 66
    assert next(iter(found["estimates"])) == "s11"
    assert found["num_left_out"] == 0


def test_many_systems_print_only_the_best_ones_pairs(tmp_path):
    text = invoke(wide(tmp_path, 12)).stdout
    assert "Each system minus s11" in text
    assert "Shown are 11 of 66 pairs, those with the best system; --json gives all." in text
    assert sum(" to " in line for line in text.splitlines()) == 12 + 11
    assert "Shown are" not in invoke(wide(tmp_path, 10)).stdout


def test_options_reach_the_comparison(tmp_path):
    path = tmp_path / "graded.csv"
    path.write_text("item,a,b\n" + "".join(f"{i},{i / 40},{i * 7 % 40 / 40}\n" for i in range(40)))
    assert "50 % interval" in invoke(path, "--confidence", "0.5").stdout
    first, again, other = (invoke(path, "--json", "--seed", s).stdout for s in (1, 1, 2))
    assert first == again != other


def test_errors_are_left_to_the_caller(tmp_path):
    assert isinstance(invoke(tmp_path / "none.csv").exception, DataError)
    assert isinstance(invoke(wide(tmp_path, 2), "--confidence", "95").exception, ConfigError)
