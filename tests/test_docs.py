"""What the documentation shows works: examples run, studies validate, verbs exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from pytest_examples import CodeExample, EvalExample, find_examples

from acclimate.cli.main import verbs
from acclimate.study.spec import make_spec, recipes_of

ROOT = Path(__file__).parents[1]
PAGES = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    if path.is_file()
]
FENCE = re.compile(r"^ *```(\w+)[^\n]*\n(.*?)^ *```", re.M | re.S)


def blocks(text, *languages):
    return [body for language, body in FENCE.findall(text) if language in languages]


def commands(text):
    """Every `acclimate …` line of fenced shell blocks, as words, continued lines joined."""
    for body in blocks(text, "bash", "sh", "shell", "console"):
        for line in body.replace("\\\n", " ").splitlines():
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
            words = [w for w in words if not re.fullmatch(r"[A-Z_]+=\S*", w)]
            if words[:1] == ["acclimate"]:
                yield words


PYTHON = list(find_examples(*map(str, PAGES)))
STUDIES = [
    (path.name, body)
    for path in PAGES
    for body in blocks(path.read_text(encoding="utf-8"), "yaml", "yml")
]
STUDIES += [(p.name, p.read_text(encoding="utf-8")) for p in (ROOT / "examples").glob("*.yaml")]
COMMANDS = [
    (path.name, words) for path in PAGES for words in commands(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("example", PYTHON, ids=str)
def test_python_examples_run(
    example: CodeExample, eval_example: EvalExample, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    eval_example.run_print_check(example)


@pytest.mark.parametrize(
    ("page", "text"), STUDIES, ids=[f"{page} {at}" for at, (page, _) in enumerate(STUDIES)]
)
def test_study_examples_validate(page, text):
    fields = yaml.safe_load(text)
    if "domain" not in fields:
        pytest.skip("not a study file")
    assert recipes_of(make_spec(fields, page))


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=[f"{p}: {' '.join(w)}" for p, w in COMMANDS]
)
def test_commands_name_a_verb(page, words):
    assert words[1:2] == [] or words[1] in {*verbs(), "--help", "-h", "help", "--version", "-V"}


def test_there_is_a_readme():
    assert ROOT / "README.md" in PAGES


def test_commands_are_found():
    text = "```bash\n$ acclimate demo   # try\nX=1 acclimate study a.yaml \\\n  --base b\nls\n```\n"
    assert list(commands(text)) == [
        ["acclimate", "demo"],
        ["acclimate", "study", "a.yaml", "--base", "b"],
    ]
