"""Docstrings found without parsing, against what `ast` finds."""

import ast
import json.decoder
import textwrap
from pathlib import Path

import pytest

from acclimate.data.python_packages.docstrings import docstrings_of, installed_docstrings

SOURCE = '''\
# A comment with """ in it.
"""The module's own."""
x = "a # no comment"  # a 'comment'
y = """Not a docstring:
"""


def f(a, b="(:"):
    r"""Raw \\d
        indented.
    """
    return """nor: this"""


class C:  # with a comment
    \'\'\'Single "quoted".\'\'\'

    async def g(
        self,
    ) -> dict[str, int]:
        """Below a long head."""
'''


def parsed(source):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds))
    return {doc for node in nodes if (doc := ast.get_docstring(node))}


def test_a_file_with_every_trap():
    assert set(docstrings_of(SOURCE)) == parsed(SOURCE)
    assert len(parsed(SOURCE)) == 4


@pytest.mark.parametrize("module", [ast, textwrap, json.decoder])
def test_real_files_agree_with_ast(module):
    source = Path(module.__file__).read_text()
    assert set(docstrings_of(source)) == parsed(source)


@pytest.mark.parametrize("source", ["", "x = 1", '"""unclosed', "def f():\n    f'''no {1}'''"])
def test_nothing_to_find(source):
    assert list(docstrings_of(source)) == []


def test_installed_ones_stop_at_the_limit_and_come_in_one_order():
    found = list(installed_docstrings(max_bytes=100_000))
    size = sum(len(text.encode()) for text in found)
    assert 100_000 <= size < 200_000
    assert len(set(found)) == len(found)
    without = list(installed_docstrings(["sympy", "torch", "transformers"], max_bytes=100_000))
    assert set(found) - set(without)
    assert [text for text in found if text in without][:20] == [
        text for text in without if text in found
    ][:20]
