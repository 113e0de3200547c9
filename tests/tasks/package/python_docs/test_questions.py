"""Questions about objects against hand-made ones."""

from acclimate.data.python_packages.api_objects import PublicObject
from acclimate.tasks.package.python_docs.questions import (
    call_as_xml,
    groups_of,
    is_telling,
    what_does_it_do,
    where_is_it,
)


def found(path, summary="Return the thing that was asked for.", **changed):
    module, _, name = path.rpartition(".")
    fields = {
        "kind": "function", "doc": summary, "signature": "(a, b, c=1)",
        "parameters": ("a", "b", "c"), "num_required": 2, "is_only_here": True,
    }  # fmt: skip
    return PublicObject(module=module, name=name, summary=summary, **{**fields, **changed})


def near(count):
    return [found(f"m.f{i}", f"Return thing number {i} of all.") for i in range(count)]


def test_four_different_choices_with_the_right_one():
    others = near(9)
    item = what_does_it_do(others[0], "m", others, seed=0)
    assert item.question == "What does m.f0 do?"
    assert item.target == "Return thing number 0 of all."
    assert item.target in item.choices
    assert len(set(item.choices)) == 4
    assert (item.group, item.sources) == ("m", ("m",))


def test_choices_come_from_the_own_module_where_it_is_large_enough():
    far = [found(f"n.g{i}", f"Return object number {i} of all.") for i in range(9)]
    item = what_does_it_do(near(4)[0], "m", [*near(4), *far], seed=0)
    assert all("thing" in choice for choice in item.choices)
    item = what_does_it_do(near(3)[0], "m", [*near(3), *far], seed=0)
    assert any("object" in choice for choice in item.choices)


def test_too_few_summaries_give_no_item():
    same = [found(f"m.h{i}") for i in range(9)]
    assert what_does_it_do(same[0], "m", same, seed=0) is None


def test_only_sentences_of_fair_length_are_choices():
    assert is_telling(found("m.f"))
    for summary in ("Too short.", "No full stop at the end of it", "x" * 200 + " y z.", ""):
        assert not is_telling(found("m.f", summary))


def test_where_only_of_names_that_are_in_one_module():
    assert where_is_it(found("urllib.request.urlopen"), "urllib").target == "urllib.request"
    assert where_is_it(found("m.f", is_only_here=False), "m") is None
    assert where_is_it(found("m.f", kind="method"), "m") is None
    assert where_is_it(found("builtins.len"), "builtins") is None


def test_a_call_has_all_required_arguments_and_at_most_three():
    item = call_as_xml(found("m.f"), "m", seed=0)
    two = "<call><name>m.f</name><arg>a</arg><arg>b</arg></call>"
    three = two.replace("</call>", "<arg>c</arg></call>")
    assert (item.question, item.target) in [
        ("Write this call as XML: m.f(a, b)", two),
        ("Write this call as XML: m.f(a, b, c)", three),
    ]
    assert call_as_xml(found("m.f", parameters=(), num_required=0), "m", seed=0) is None
    four = {"parameters": ("a", "b", "c", "d"), "num_required": 4}
    assert call_as_xml(found("m.f", **four), "m", seed=0) is None


def test_a_submodule_goes_with_its_top_module_in_the_standard_library():
    assert groups_of({"xml": 1, "xml.dom.minidom": 9, "json": 1}, "") == {
        "xml": "xml", "xml.dom.minidom": "xml", "json": "json",
    }  # fmt: skip


def test_a_large_subpackage_is_taken_apart():
    modules = {"p": 1, "p.a.x": 50, "p.a.y": 50, "p.b.x": 5, "p.b.y": 5}
    assert groups_of(modules, "p") == {
        "p": "p", "p.a.x": "p.a.x", "p.a.y": "p.a.y", "p.b.x": "p.b", "p.b.y": "p.b",
    }  # fmt: skip
