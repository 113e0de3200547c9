"""Every benchmark says in its first line what it claims, and can be read by Python."""

import ast
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_begins_with_a_sentence_and_has_a_main(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    compile(tree, path.name, "exec")
    first = text.splitlines()[0]
    assert first.startswith('"""')
    assert first.rstrip('"').endswith(".")
    assert len(first.strip('"')) <= 80
    assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_some():
    assert {path.stem for path in SCRIPTS} >= {"scoring", "study_reuse"}
