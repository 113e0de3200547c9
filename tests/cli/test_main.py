"""The command line: verbs, exit codes, one sentence on stderr and never a traceback."""

import subprocess
import sys

import pytest

from acclimate import __version__
from acclimate.cli import main as entry
from acclimate.core.errors import BackendError, BudgetError, DataError
from small_study import write_domain


@pytest.fixture
def run(capsys):
    """Run a command; give its exit code, stdout and stderr."""

    def of(*argv):
        with pytest.raises(SystemExit) as left:
            entry.main(argv)
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return left.value.code or 0, told.out, told.err

    return of


def in_one_line(err):
    """What was complained of, however the terminal wrapped it."""
    return " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",), ("help",)])
def test_help_lists_every_verb(run, argv):
    code, out, err = run(*argv)
    assert (code, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines() if line.startswith("  ")} == set(
        entry.verbs()
    )
    assert "exit codes: 0 done, 1 failed, 2 usage or data, 3 a limit or gate not met" in out


def test_every_verb_has_a_file_a_sentence_and_help(run):
    for verb, summary in entry.verbs().items():
        assert summary.endswith(".")
        code, out, _ = run(verb, "--help")
        assert code == 0
        assert f"acclimate {verb}" in out
        assert "Raises:" not in out


@pytest.mark.parametrize("argv", [("--version",), ("-V",)])
def test_version(run, argv):
    assert run(*argv) == (0, f"acclimate {__version__}\n", "")


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("show", "full"), "no entry is called 'full'; it is called full_finetuning now"),
        (("methods", "full"), "no method is called 'full'; it is called full_finetuning now"),
        (("methods", "decoding"), "no family is called 'decoding'; it is called inference now"),
        (("show", "willing"), "no entry is called 'willing'; it is called not_refused now"),
    ],
)
def test_an_old_name_is_answered_by_the_new_one(run, argv, sentence):
    assert run(*argv) == (2, "", f"error: {sentence}\n")


def test_an_old_name_in_a_study_is_answered_by_the_new_one(run, tmp_path):
    write_domain(tmp_path / "domain")
    argv = ("study", str(tmp_path / "domain"), "--recipe", "lora + full learning_rate=0.1")
    sentence = "error: no method is called 'full'; it is called full_finetuning now\n"
    assert run(*argv, "--out", str(tmp_path / "out")) == (2, "", sentence)
    assert not (tmp_path / "out").exists()


def test_unknown_verb_gives_the_nearest(run):
    code, out, err = run("studdy")
    assert (code, out) == (2, "")
    assert err == "error: no verb is called 'studdy'; did you mean study?\n"


@pytest.mark.parametrize(
    ("recipe", "fault"),
    [
        ("lroa", "no method is called 'lroa'; did you mean lora?"),
        ("lora rnak=4", "lora: no field is called 'rnak'; did you mean rank?"),
        ("lora rank=0", "lora: rank=0: input should be greater than or equal to 1"),
        ("lora rank=four", "lora: rank='four': input should be a valid integer"),
        ("lora rank", "'rank': settings are written key=value, as months=6"),
        ("lora +", "recipe 'lora +': a method is missing beside a '+'"),
        ("few_shot + few_shot num_shots=-1", "num_shots=-1: input should be greater than or"),
    ],
)
def test_wrong_recipe_is_one_sentence(run, tmp_path, recipe, fault):
    code, out, err = run("study", str(tmp_path), "--recipe", recipe, "--dry-run")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert fault in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["monhts=6"], "no field is called 'monhts'; did you mean months?"),
        (["months=-1"], "months=-1: input should be greater than 0"),
        (["confidence=2"], "confidence=2: input should be less than 1"),
        (["seeds=[]"], "seeds=[]"),
        (["months=[1"], "'months=[1': the value cannot be read as YAML"),
    ],
)
def test_wrong_setting_is_one_sentence(run, tmp_path, words, fault):
    code, out, err = run("study", str(tmp_path), *words, "--dry-run")
    assert (code, out) == (2, "")
    assert fault in err
    assert err.count("\n") == 1


def test_wrong_study_file_is_one_sentence(run, tmp_path):
    code, _, err = run("study", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "none.yaml: cannot be read" in err
    path = tmp_path / "s.yaml"
    path.write_text("domain: [x\n")
    code, _, err = run("study", str(path))
    assert code == 2
    assert err.startswith(f"error: {path}, line 2: malformed YAML")


def test_unknown_entry_of_show_and_methods(run):
    assert run("show", "lroa")[0] == 2
    assert "did you mean lora?" in run("show", "lroa")[2]
    code, _, err = run("methods", "tunning")
    assert (code, err) == (2, "error: no family is called 'tunning'; did you mean tuning?\n")


def test_unknown_option_is_usage(run):
    code, _, err = run("methods", "--nothing")
    assert code == 2
    assert "No such option" in in_one_line(err)


@pytest.mark.parametrize(
    ("error", "code"),
    [(DataError("bad"), 2), (BudgetError("bad"), 3), (BackendError("bad"), 1)],
)
def test_exit_codes_of_errors(run, monkeypatch, error, code):
    def fail(_argv):
        raise error

    monkeypatch.setattr(entry, "_run", fail)
    assert run("methods") == (code, "", "error: bad\n")


def test_interrupt(run, monkeypatch):
    def stop(_argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_run", stop)
    assert run("methods") == (130, "", "stopped; the same command goes on from here\n")


def test_a_reader_that_has_seen_enough_is_no_fault():
    code = "from acclimate.cli.main import main; main(['methods'])"
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "{sys.executable}" -c "{code}" | head -1 >/dev/null'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_dry_run_says_what_would_run_and_writes_nothing(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(
        "study", str(tmp_path), "seeds=[0,1]", "--recipe", "lora + few_shot", "--recipe",
        "zero_shot", "--dry-run",
    )  # fmt: skip
    assert code == 0
    assert out.splitlines() == [
        "base: 1 seed, trains nothing",
        "lora + few_shot: 2 seeds, trains weights",
        "zero_shot: 1 seed, trains nothing",
    ]
    assert list(tmp_path.iterdir()) == []
