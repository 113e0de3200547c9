"""What code reaches: every file of ours, a user's with those beside it, libraries by name."""

import os
import sys
from types import ModuleType

import pytest

from acclimate.core.catalogue import module_of_file
from acclimate.core.source_code import import_closure as module
from acclimate.core.source_code.import_closure import import_closure, is_followed
from acclimate.core.source_code.running_code import RunningCode

FILES = {
    "__init__.py": "",
    "top.py": "import acclimate.sub.one\nfrom acclimate import other",
    "other.py": "from acclimate.sub import one as x, three\nimport numpy.linalg",
    "sub/__init__.py": "import yaml",
    "sub/one.py": (
        "from typing import TYPE_CHECKING\nimport json, os.path\n"
        "if TYPE_CHECKING:\n    from acclimate.sub import typed\n    import pandas\n"
        "def f():\n    from acclimate.sub.two import g\n    return g\n"
    ),
    "sub/two.py": "from . import four\nimport transformers as t",
    "sub/three.py": 'CODE = "from acclimate.sub.walk import main"',
    "sub/four.py": "",
    "sub/walk.py": "",
    "sub/typed.py": "",
    "alone.py": "import torch",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A package of these files in place of ours."""
    for name, text in FILES.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1, 1))  # long before this process
    monkeypatch.setattr(module, "RUNNING", RunningCode(tmp_path / "package"))
    return tmp_path / "package"


def test_every_file_below_is_met_with_its_packages(tree):
    found = import_closure(["acclimate.top"])
    wanted = set(FILES) - {"sub/typed.py", "alone.py"}
    assert set(found.files) == wanted
    assert found.libraries == {"numpy", "yaml", "transformers"}


def test_a_file_that_imports_nothing_is_alone_with_its_packages(tree):
    assert set(import_closure(["acclimate.sub.four"]).files) == {
        *("__init__.py", "sub/__init__.py", "sub/four.py")
    }


def test_a_circle_is_no_trouble(tree):
    (tree / "sub/four.py").write_text("import acclimate.top")
    os.utime(tree / "sub/four.py", (1, 1))
    assert "top.py" in import_closure(["acclimate.sub.two"]).files


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A user's folder of files that import one another."""
    folder = tmp_path / "mine"
    (folder / "pack").mkdir(parents=True)
    (folder / "mine.py").write_text(
        "import importlib.util, sys\nsys.path.insert(0, __file__.rpartition('/')[0])\n"
        "import near_helper\nfrom pack.deep import x\nfrom acclimate.core.errors import DataError\n"
        "import numpy\n"
    )
    (folder / "near_helper.py").write_text("import far_helper")
    (folder / "far_helper.py").write_text("")
    (folder / "not_imported.py").write_text("")
    (folder / "pack/__init__.py").write_text("")
    (folder / "pack/deep.py").write_text("from . import beside\nx = 1")
    (folder / "pack/beside.py").write_text("")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder
    for name in ("near_helper", "far_helper", "pack", "pack.deep", "pack.beside"):
        sys.modules.pop(name, None)


def test_a_users_file_counts_with_those_beside_it_that_it_imports(beside):
    loaded = module_of_file(beside / "mine.py", "method")
    found = import_closure([loaded.__name__])
    assert {name for name in found.files if name.startswith("/")} == {
        str(beside / name)
        for name in (
            *("mine.py", "near_helper.py", "far_helper.py"),
            *("pack/__init__.py", "pack/deep.py", "pack/beside.py"),
        )
    }
    assert "core/errors.py" in found.files
    assert "numpy" in found.libraries


def test_another_version_of_it_is_another_module_but_not_another_comment(beside):
    path = beside / "mine.py"
    first = module_of_file(path, "method")
    path.write_text(path.read_text() + "# a comment\n")
    assert module_of_file(path, "method") is first
    path.write_text(path.read_text() + "y = 2\n")
    assert module_of_file(path, "method") is not first


def test_a_plugin_counts_with_its_whole_package(tmp_path, monkeypatch):
    folder = tmp_path / "their_plugin"
    (folder / "deep").mkdir(parents=True)
    for name in ("__init__.py", "method.py", "unused.py", "deep/__init__.py", "deep/more.py"):
        (folder / name).write_text("")
    (folder / "method.py").write_text("from acclimate.core import errors\nimport scipy")
    monkeypatch.syspath_prepend(tmp_path)
    running = RunningCode()
    running.plugins = frozenset({"their_plugin"})
    monkeypatch.setattr(module, "RUNNING", running)
    found = import_closure(["their_plugin.method"])
    assert {name for name in found.files if ":" in name} == {
        f"their_plugin:{name}"
        for name in ("__init__.py", "method.py", "unused.py", "deep/__init__.py", "deep/more.py")
    }
    assert "core/errors.py" in found.files
    assert "scipy" in found.libraries
    assert all(running.digest(name) == digest for name, digest in found.files.items())


def test_code_without_a_file_is_told_as_such(monkeypatch):
    monkeypatch.setitem(sys.modules, "typed_in", ModuleType("typed_in"))
    monkeypatch.setattr(module, "_is_library", lambda _name: False)
    assert import_closure(["typed_in"]).files == {"typed_in, which lies in no file": ""}


def test_what_is_followed_and_what_is_a_library():
    assert is_followed("acclimate.core.domain")
    assert is_followed(__name__)
    assert not any(map(is_followed, ("numpy", "torch.nn.modules.linear", "json", "builtins")))


def test_where_others_were_installed_is_a_folder_of_libraries(tmp_path, monkeypatch):
    for name in ("installed_there", "of_a_user"):
        (tmp_path / name / name).mkdir(parents=True)
        (tmp_path / name / name / "__init__.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path / name)
    (tmp_path / "installed_there" / "installed_there-1.dist-info").mkdir()
    assert not is_followed("installed_there")
    assert is_followed("of_a_user")
