"""Importing others' modules: quietly, and without what must not be imported."""

import sys

import pytest

from acclimate.data.python_packages.modules import public_modules


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a loud, a failing, an exiting and a private module, and tests."""
    root = tmp_path / "loudpkg_for_test"
    (root / "sub").mkdir(parents=True)
    (root / "tests").mkdir()
    files = {
        "__init__.py": "import warnings; warnings.warn('loud'); print('loud')",
        "good.py": "print('loud')",
        "fails.py": "raise RuntimeError('no')",
        "exits.py": "import sys; sys.exit(3)",
        "_private.py": "",
        "__main__.py": "raise SystemExit",
        "sub/__init__.py": "",
        "sub/inner.py": "",
        "tests/__init__.py": "raise AssertionError",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "loudpkg_for_test"
    for name in [n for n in sys.modules if n.startswith("loudpkg_for_test")]:
        del sys.modules[name]


def test_public_submodules_are_found_in_silence(package, capsys):
    names = [name for name, _ in public_modules(package)]
    assert names == [package, f"{package}.good", f"{package}.sub", f"{package}.sub.inner"]
    assert capsys.readouterr() == ("", "")


def test_standard_library_without_what_acts_on_import():
    names = {name for name, _ in public_modules(None)}
    assert {"json", "urllib.request", "os", "collections.abc"} <= names
    tops = {name.partition(".")[0] for name in names}
    assert not tops & {"antigravity", "this", "idlelib", "test", "tkinter", "turtle"}
    assert not any(part.startswith("_") for name in names for part in name.split("."))
