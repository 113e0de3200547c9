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


TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in SCRIPTS}


def defined(name):
    """Names that stand at the top of a script."""
    found = set()
    for node in TREES[name].body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        else:
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return found


@pytest.mark.parametrize("name", TREES)
def test_what_scripts_take_from_one_another_is_there(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.module in TREES:
            assert {alias.name for alias in node.names} <= defined(node.module)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in TREES:
            assert node.attr in defined(node.value.id), f"{node.value.id}.{node.attr}"
