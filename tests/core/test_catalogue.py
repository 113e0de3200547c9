"""The folder is the registry: names from files, one class a file, errors in a sentence."""

import sys

import pytest
from pydantic import Field

from acclimate.core.catalogue import Catalogue, Entry, sentence
from acclimate.core.errors import (
    AcclimateError,
    ConfigError,
    MissingExtraError,
    UnknownNameError,
)
from acclimate.core.method import Method
from acclimate.core.record import Record

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

BROKEN = '"""Cannot be imported."""\nraise OSError\nclass Broken(Method):\n    pass\n'


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one family; give it files by name."""
    made = []

    def write(inside="family", **files):
        name = f"catalogued_{tmp_path.name}".replace("-", "_")
        family = tmp_path / name / inside
        family.mkdir(parents=True, exist_ok=True)
        (family / "__init__.py").write_text(files.pop("__init__", '"""A family."""\n'))
        (tmp_path / name / "__init__.py").write_text("")
        for file, text in files.items():
            (family / f"{file}.py").write_text(text)
        made.append(name)
        return Catalogue(name, Method)

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for module in [m for m in sys.modules if m.partition(".")[0] in made]:
        del sys.modules[module]


def test_entries_come_from_names_and_first_lines_without_import(package):
    catalogue = package(plain=PLAIN, broken=BROKEN, _own=PLAIN)
    module = f"{catalogue.package}.family"
    assert dict(catalogue.entries) == {
        "broken": Entry("broken", "family", "Cannot be imported.", f"{module}.broken"),
        "plain": Entry("plain", "family", "Do nothing, well.", f"{module}.plain"),
    }
    assert f"{module}.plain" not in sys.modules


def test_an_entry_may_be_a_folder_with_helpers_beside_it(package):
    package(plain=PLAIN)
    catalogue = package()
    module = f"{catalogue.package}.family.folder"
    text = PLAIN.replace("\n\n\nclass", f"\nfrom {module}.sizes import SIZE\n\n\nclass")
    text = text.replace("size: int = 1", "size: int = SIZE")
    package(inside="family/folder", __init__=text, sizes='"""How large."""\n\nSIZE = 7\n')
    assert list(catalogue.entries) == ["folder", "plain"]
    assert catalogue.entries["folder"] == Entry("folder", "family", "Do nothing, well.", module)
    assert module not in sys.modules
    assert catalogue.build("folder").size == 7
    assert catalogue.load("folder").__module__ == module


def test_a_folder_whose_class_stands_beside_it_is_told_so(package):
    catalogue = package()
    text = f'"""Empty."""\n\nfrom {catalogue.package}.family.folder.plain import Plain\n'
    package(inside="family/folder", __init__=text, plain=PLAIN)
    assert list(catalogue.entries) == []
    with pytest.raises(AcclimateError, match="folder must define one Method, has 0"):
        catalogue.load("folder")


def test_what_extends_nothing_is_no_entry(package):
    """Helpers of a family, a folder of helpers beside the families, a folder without a class."""
    model = '"""A queue."""\n\nfrom x import Model\n\n\nclass Queue(Model):\n    """One."""\n'
    package(plain=PLAIN, queue=model, words='"""Words."""\n\nWORDS = ("class Odd(Method)",)\n')
    package(inside="scheduling", request=model, batch=model.replace("Model", "MethodCall"))
    package(inside="family/parts", part=PLAIN)
    package(inside="_shared", shared=PLAIN)
    assert list(package().entries) == ["plain"]


def test_an_abstract_class_may_stand_between(package):
    """One of a lower layer, called as what it extends."""
    catalogue = package()
    lower = PLAIN.replace("Plain", "EnsembleMethod").replace("size: int", "number: int")
    package(inside=".", method=lower)
    text = PLAIN.replace("acclimate.core.method import Method", "{}.method import EnsembleMethod")
    text = text.format(catalogue.package).replace("(Method)", "(\n    EnsembleMethod,\n)")
    package(plain=text)
    assert list(catalogue.entries) == ["plain"]
    assert dict(catalogue.build({"name": "plain", "size": 3})) == {"number": 1, "size": 3}


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
        extra='"""Wants more."""\nimport lm_eval.nothing\nclass Extra(Method):\n    pass\n',
        unknown='"""Wants much."""\nimport no_such_thing\nclass Unknown(Method):\n    pass\n',
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
