"""Pages against the objects they are made from."""

from acclimate.data.python_packages.api_objects import PublicObject
from acclimate.data.python_packages.api_pages import MAX_OBJECT_CHARS, MAX_PAGE_CHARS, module_pages


def found(module, name, doc="Does a thing.", kind="function"):
    return PublicObject(module, name, kind, doc, doc, "(a, b=1)", ("a", "b"), 1, True)


def test_a_page_has_a_title_and_a_section_an_object():
    objects = [found("m", "f"), found("m", "C", kind="class"), found("m", "C.g", kind="method")]
    (page,) = module_pages(objects)
    lines = page.document.text.splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "# m", "## m.f(a, b=1)", "## m.C(a, b=1)", "### m.C.g(a, b=1)",
    ]  # fmt: skip
    assert (page.document.id, page.objects) == ("m", tuple(objects))


def test_the_module_speaks_first():
    about = PublicObject("m", "", "module", "Things to do.\n\n# not a title", "Things to do.")
    (page,) = module_pages([about, found("m", "f")])
    assert page.document.text.startswith("# m\n\nThings to do.\n\n # not a title\n\n## m.f(")


def test_each_module_has_its_page():
    pages = list(module_pages([found("m", "f"), found("n", "f")]))
    assert [page.document.id for page in pages] == ["m", "n"]


def test_length_is_bounded_and_what_is_left_out_is_not_told():
    long = "word word word word\n" * 500
    (page,) = module_pages([found("m", f"f{i}", doc=long) for i in range(100)])
    assert len(page.document.text) <= MAX_PAGE_CHARS + 200
    assert 30 < len(page.objects) < 100
    assert page.document.text.count("word") * 5 <= MAX_OBJECT_CHARS * len(page.objects)


def test_a_docstring_cannot_forge_a_heading():
    (page,) = module_pages([found("m", "f", doc="Does.\n\n# m.g is this")])
    assert [x for x in page.document.text.splitlines() if x.startswith("#")] == [
        "# m",
        "## m.f(a, b=1)",
    ]
