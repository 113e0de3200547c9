"""The folder is the registry: names from files, one class a file, errors in a sentence."""

import sys

import pytest
from pydantic import Field

from acclimate.core.catalogue import Catalogue, Entry, sentence
from acclimate.core.data import Record
from acclimate.core.errors import (
    AcclimateError,
    ConfigError,
    MissingExtraError,
    UnknownNameError,
)
from acclimate.core.method import Method

PLAIN = '''"""Do nothing, well."""

from acclimate.core.method import Method


class Plain(Method):
    """Nothing."""

    size: int = 1
    """Of it."""

    def fit(self, base, data, *, seed):
        """Give the base back."""
        return base
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one family; give it files by name."""
    made = []

    def write(**files):
        name = f"catalogued_{tmp_path.name}".replace("-", "_")
        family = tmp_path / name / "family"
        family.mkdir(parents=True, exist_ok=True)
        (family.parent / "__init__.py").write_text("")
        (family / "__init__.py").write_text('"""A family."""\n')
        for file, text in files.items():
            (family / f"{file}.py").write_text(text)
        made.append(name)
        return Catalogue(name, Method)

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for module in [m for m in sys.modules if m.partition(".")[0] in made]:
        del sys.modules[module]


def test_entries_come_from_names_and_first_lines_without_import(package):
    catalogue = package(plain=PLAIN, broken='"""Cannot be imported."""\nraise OSError\n', _own="x")
    module = f"{catalogue.package}.family"
    assert dict(catalogue.entries) == {
        "broken": Entry("broken", "family", "Cannot be imported.", f"{module}.broken"),
        "plain": Entry("plain", "family", "Do nothing, well.", f"{module}.plain"),
    }
    assert f"{module}.plain" not in sys.modules


def test_load_and_build(package):
    catalogue = package(plain=PLAIN)
    kind = catalogue.load("plain")
    assert kind.__name__ == "Plain"
    assert catalogue.build("plain") == kind(size=1)
    assert catalogue.build({"name": "plain", "size": 3}).size == 3


def test_path_of_a_file_is_a_name_too(package, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLAIN)
    catalogue = package()
    kind = catalogue.load(str(path))
    assert kind is catalogue.load(str(path))
    assert catalogue.build({"name": str(path), "size": 2}).size == 2
    with pytest.raises(ConfigError, match=r"^mine: size='x': input should be a valid integer"):
        catalogue.build({"name": str(path), "size": "x"})
    path.write_text(PLAIN.replace("size: int = 1", "size: int = 5"))
    assert catalogue.build(str(path)).size == 5
    with pytest.raises(ConfigError, match=r"none\.py: no such file; a method may be the path"):
        catalogue.load("none.py")


def test_file_that_fails_is_not_kept(package, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("\nraise OSError('no')\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"bad\.py, line 2: cannot be imported \(OSError: no"):
            package().load(str(path))


def test_unknown_name_and_field_give_the_nearest(package):
    catalogue = package(plain=PLAIN)
    with pytest.raises(UnknownNameError, match="no method is called 'plian'; did you mean plain"):
        catalogue.load("plian")
    with pytest.raises(ConfigError, match="plain: no field is called 'sise'; did you mean size"):
        catalogue.build({"name": "plain", "sise": 1})
    with pytest.raises(ConfigError, match=r"a method needs a 'name'; got \{'size': 1\}"):
        catalogue.build({"size": 1})


@pytest.mark.parametrize(("text", "count"), [('"""None."""\n', 0), (PLAIN + PLAIN[25:] * 1, 1)])
def test_one_class_a_file(package, text, count):
    if count:
        text = text + "\n\nclass Second(Plain):\n    pass\n"
    with pytest.raises(AcclimateError, match=f"odd must define one Method, has {2 * count}"):
        package(odd=text).load("odd")


def test_missing_extra_is_named(package):
    catalogue = package(
        extra='"""Wants more."""\nimport lm_eval.nothing\n',
        unknown='"""Wants much."""\nimport no_such_thing\n',
    )
    with pytest.raises(MissingExtraError, match=r"extra needs 'lm_eval': pip install 'acclimate\["):
        catalogue.load("extra")
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"):
        catalogue.load("unknown")


def test_plugins_join_and_a_shared_name_is_refused(package, monkeypatch):
    class Point:
        name, value = "plugin_method", "their.module"

    monkeypatch.setattr(
        "acclimate.core.catalogue.metadata.entry_points", lambda group: [Point] if group else []
    )
    catalogue = package(plain=PLAIN)
    assert catalogue.entries["plugin_method"] == Entry(
        "plugin_method", "plugin", "from their.module", "their.module"
    )
    Point.name = "plain"
    with pytest.raises(AcclimateError, match=r"their\.module and .*plain share a name"):
        _ = package(plain=PLAIN).entries


class Both(Record):
    one: int = Field(ge=1)
    two: str = "x"


def test_sentence_names_every_fault():
    with pytest.raises(ValueError, match="one") as raised:
        Both(one=0, twoo="y")
    assert sentence("both", raised.value, Both) == (
        "both: one=0: input should be greater than or equal to 1; "
        "no field is called 'twoo'; did you mean two?"
    )
    with pytest.raises(ValueError, match="one") as raised:
        Both()
    assert sentence("both", raised.value, Both) == "both: one is missing"
