"""Objects of the standard library against what inspect and the documentation say."""

import inspect
import json
import textwrap

import pytest

from acclimate.core.errors import BackendError, ConfigError
from acclimate.data.python_packages.api_objects import public_objects
from acclimate.data.python_packages.api_walker import first_sentence


@pytest.fixture(scope="module")
def objects():
    return {found.path: found for found in public_objects()}


def test_a_function_with_its_signature(objects):
    dumps = objects["json.dumps"]
    assert dumps.doc == inspect.getdoc(json.dumps)
    assert dumps.summary == "Serialize ``obj`` to a JSON formatted ``str``."
    assert dumps.parameters[:2] == ("obj", "skipkeys")
    assert dumps.num_required == 1
    assert dumps.signature.startswith("(obj, *, skipkeys=False")


def test_methods_lose_self_and_keep_their_class(objects):
    encode = objects["json.JSONEncoder.encode"]
    assert (encode.kind, encode.parameters) == ("method", ("o",))
    assert objects["str.join"].module == "builtins"


def test_an_object_is_told_once_under_its_shortest_module(objects):
    assert "json.JSONEncoder" in objects
    assert "json.encoder.JSONEncoder" not in objects
    assert "asyncio.sleep" in objects
    assert "asyncio.tasks.sleep" not in objects


def test_names_that_two_modules_have_are_marked(objects):
    assert objects["urllib.request.urlopen"].is_only_here
    assert not objects["json.JSONEncoder"].is_only_here  # json.encoder has it too


def test_no_signature_holds_an_address_or_path(objects):
    assert not [
        o.path for o in objects.values() if " at 0x" in o.signature or "/lib" in o.signature
    ]


def test_a_module_comes_before_what_it_holds(objects):
    paths = list(objects)
    assert objects["json"].kind == "module"
    assert objects["json"].doc.startswith("JSON (JavaScript Object Notation)")
    assert paths.index("json") < paths.index("json.dumps")


def test_what_this_process_patched_is_not_seen(objects, monkeypatch):
    monkeypatch.setattr(textwrap, "fill", print)
    again = {found.path: found for found in public_objects()}
    assert again == objects


def test_an_unknown_package_is_refused():
    with pytest.raises(ConfigError, match="package='no_such_package' is not installed"):
        public_objects("no_such_package")


def test_a_package_that_crashes_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "crashes_for_test.py").write_text("import os; os._exit(9)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BackendError, match=r"package='crashes_for_test' cannot be imported: .*9"):
        public_objects("crashes_for_test")


def test_order_is_by_module():
    modules = [found.module for found in public_objects("json")]
    assert modules == sorted(modules)
    assert set(modules) == {"json", "json.decoder", "json.encoder", "json.scanner", "json.tool"}


@pytest.mark.parametrize(
    ("doc", "sentence"),
    [
        ("Return it.  And more.", "Return it."),
        ("Return a\nlong one, e.g. This. Rest.", "Return a long one, e.g. This."),
        ("sin(x) -> float\n\nReturn the sine.", "Return the sine."),
        ("sin(x[, y])\nReturn the sine of x.", "Return the sine of x."),
        ("f(x) -- do f to x.", "do f to x."),
        ("No end here\n\nSecond paragraph.", "No end here"),
        ("Version 1.5 is old. Yes.", "Version 1.5 is old."),
        ("", ""),
    ],
)
def test_first_sentence(doc, sentence):
    assert first_sentence(doc) == sentence
