"""Mojibake mended, Unicode normal, and good text left alone."""

import ftfy
import pytest

from acclimate.data.corpus.clean import repaired

GOOD = [
    "plain ASCII,\twith a tab\n\n  and  spaces \n",
    "naïve café — “quoted” … 10 €",
    "Привет, мир. 文字と仮名。 ελληνικά",
    "L\u2019éléphant déjà vu à Noël, garçon",
]


@pytest.mark.parametrize("text", GOOD)
def test_good_text_is_left_alone(text):
    assert repaired(text) == text


@pytest.mark.parametrize("text", [GOOD[1], GOOD[3], "voilà the end"])
@pytest.mark.parametrize("wrong", ["latin-1", "sloppy-windows-1252"])
def test_utf8_read_as_something_else_is_read_again(text, wrong):
    mistaken = text.encode().decode(wrong)
    assert repaired(f"a good line\n{mistaken}\nnaïve\n") == f"a good line\n{text}\nnaïve\n"


@pytest.mark.parametrize(
    "text", ["voilÃ\xa0 le travail", "voilÃ  le travail", "\x93quoted\x94 text"]
)
def test_the_quick_look_misses_nothing_that_ftfy_mends(text):
    assert ftfy.fix_encoding(text) != text
    assert repaired(text) == ftfy.fix_encoding(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("one\r\ntwo\rthree\u2028four\x0cfive", "one\ntwo\nthree\nfour\nfive"),
        ("\ufeffbell\x07 and\x00 zero\x7f", "bell and zero"),
        ("cafe\u0301", "café"),
        ("a\u200db", "a\u200db"),
    ],
)
def test_lines_controls_and_normal_form(text, wanted):
    assert repaired(text) == wanted
