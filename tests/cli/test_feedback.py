"""Two answers side by side: what is chosen is kept, nothing is asked twice, nobody is surprised."""

import io
import json

import pytest

from acclimate.cli import feedback
from acclimate.core.errors import ConfigError, DataError
from acclimate.tasks.files.folder.items import read_preferences


@pytest.fixture
def domain(tmp_path):
    """Three questions with free answers, one with choices."""
    rows = [{"question": f"{word}?", "answer": "the", "task": "say"} for word in ("a", "b", "c")]
    rows += [{"question": "d?", "answer": "x", "choices": ["x", "y"], "task": "pick"}]
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    test = [{"question": "e?", "answer": "the", "task": "say"}]
    test += [{"question": "f?", "answer": "x", "choices": ["x", "y"], "task": "pick"}]
    dev = json.dumps({"question": "g?", "answer": "the", "task": "say"})
    (folder / "dev.jsonl").write_text(dev + "\n")
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in test))
    return folder


@pytest.fixture
def sit(domain, model_folder, monkeypatch, capsys):
    """Judge with these choices on stdin; what was printed."""

    def of(choices, **told):
        monkeypatch.setattr("sys.stdin", io.StringIO(choices))
        base = str(model_folder("llama"))
        feedback.run(domain, **{"base": base, "from_stdin": True, **told})
        return capsys.readouterr().out

    return of


def test_choices_are_kept_as_the_domain_reads_them(sit, domain):
    out = sit("1\nt\n2\n")
    kept = read_preferences(domain / "preferences.jsonl", {"say", "pick"})
    assert len(kept) == 2
    assert {liked.task for liked in kept} == {"say"}
    assert {liked.prompt for liked in kept} < {"a?", "b?", "c?"}
    assert all(liked.chosen != liked.rejected for liked in kept)
    assert f"{domain / 'preferences.jsonl'}: 2 preferences added; 0 prompts are left" in out
    (passed,) = (domain / "preferences.passed").read_text().splitlines()
    assert json.loads(passed)["how"] == "tie"
    # What lies beside is no table of the domain, and does not disturb it.
    assert "0 preferences added" in sit("")


def test_one_and_two_are_what_was_shown(sit, domain, tmp_path):
    sit("1\n", out=tmp_path / "first.jsonl")
    sit("2\n", out=tmp_path / "second.jsonl")
    (one,), (two,) = (read_preferences(tmp_path / f"{n}.jsonl") for n in ("first", "second"))
    assert (one.chosen, one.rejected) == (two.rejected, two.chosen)


def test_it_goes_on_where_it_was(sit, domain):
    assert "2 prompts are left" in sit("1\nq\n")
    # Written by hand, and without a last line break.
    path = domain / "preferences.jsonl"
    path.write_text(path.read_text().rstrip("\n"))
    assert "1 preferences added; 0 prompts are left" in sit("s\n2\n1\n")
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    assert len({row["prompt"] for row in rows}) == len(rows) == 2


@pytest.mark.parametrize(
    ("told", "choices", "kind", "fault"),
    [
        (
            {"from_stdin": False},
            "1\n",
            ConfigError,
            "run it in a terminal, or give a choice a line",
        ),
        ({"out": "x.csv"}, "", ConfigError, "x.csv: preferences are kept as JSONL"),
        ({}, "3\n", DataError, "stdin: '3' is no choice; must be 1, 2, t, s or q"),
    ],
)
def test_what_cannot_be_is_refused(sit, told, choices, kind, fault, tmp_path):
    if "out" in told:
        told["out"] = tmp_path / told["out"]
    with pytest.raises(kind, match=fault):
        sit(choices, **told)


def test_at_a_terminal_it_asks_again(domain, model_folder, monkeypatch, capsys):
    said = iter(["", "x", "2"])
    monkeypatch.setattr("builtins.input", lambda _ask: next(said, "q"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    feedback.run(domain, base=str(model_folder("llama")))
    out = capsys.readouterr().out
    assert "'x': must be 1, 2, t, s or q" in out
    assert "1 preferences added" in out


def test_only_choices_are_nothing_to_judge(tmp_path, sit):
    (tmp_path / "picks").mkdir()
    row = {"question": "d?", "answer": "x", "choices": ["x", "y"]}
    for split in ("train", "dev", "test"):
        text = json.dumps({**row, "question": f"{split}?"})
        (tmp_path / "picks" / f"{split}.jsonl").write_text(text + "\n")
    with pytest.raises(DataError, match="no training items with free answers"):
        feedback.run(tmp_path / "picks", from_stdin=True)


def test_malformed_rows_of_an_earlier_sitting_are_named(sit, domain):
    (domain / "preferences.passed").write_text("{broken\n")
    with pytest.raises(DataError, match=r"preferences\.passed, line 1: malformed"):
        sit("1\n")
