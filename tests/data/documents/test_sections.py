"""Markdown cut at its headings."""

from acclimate.data.documents.sections import Section, sections


def test_plain_text_is_one_section():
    assert sections("one\n\ntwo") == [Section((), "one\n\ntwo")]


def test_blank_text_has_none():
    assert sections(" \n\t\n") == []


def test_headings_nest_and_go():
    text = "intro\n# A\na\n## B `code` *x*\nb\n### C\n# D\nd\n"
    assert [(s.headings, s.text.strip()) for s in sections(text)] == [
        ((), "intro"),
        (("A",), "a"),
        (("A", "B code x"), "b"),
        (("D",), "d"),
    ]


def test_underlined_headings():
    found = sections("Top\n===\na\n\nSub\n---\nb\n")
    assert [s.headings for s in found] == [("Top",), ("Top", "Sub")]


def test_marks_in_code_fences_and_lists_are_no_headings():
    text = "# A\n```sh\n# not a heading\n```\n- # nor this\n\n  text\n> # nor that\n"
    (only,) = sections(text)
    assert only.headings == ("A",)
    assert "# not a heading" in only.text


def test_headings_alone_are_kept_as_text():
    assert sections("# A\n## B\n") == [Section((), "# A\n## B\n")]


def test_front_matter_is_left_out():
    assert [s.headings for s in sections("---\ntitle: x\n---\n# A\na")] == [("A",)]


def test_other_line_ends_cut_at_the_same_places():
    unix = "# A\na\x0cb\n# B\nb"
    assert sections(unix.replace("\n", "\r\n")) == sections(unix)
    assert sections(unix.replace("\n", "\r")) == sections(unix)
    assert [s.headings for s in sections(unix)] == [("A",), ("B",)]
