"""C4's rules for lines and pages."""

import pytest

from acclimate.data.corpus.filters.c4 import c4_fault, drop_lines
from acclimate.data.corpus.settings import CorpusSettings

SETTINGS = CorpusSettings()
GOOD = "This is a sentence of words."


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("Please enable JavaScript to see this page.", "javascript"),
        ("We have a Privacy Policy that you should read.", "policy_notice"),
        ("This site uses cookies, as sites do nowadays.", "policy_notice"),
        ("A heading without an end mark", "line_end"),
        ("It goes on and on and on...", "line_end"),
        ("Only four words here.", "line_words"),
    ],
)
def test_lines_are_dropped_by_their_rule(line, rule):
    text = f"{GOOD}\n\n{line}\n{GOOD}"
    kept, dropped = drop_lines(text, SETTINGS, is_web=True)
    assert kept == f"{GOOD}\n\n{GOOD}"
    assert dropped == {rule: 1}
    is_notice = rule in {"javascript", "policy_notice"}
    kept, dropped = drop_lines(text, SETTINGS, is_web=False)
    assert (kept == text, dropped) == (not is_notice, {rule: 1} if is_notice else {})


@pytest.mark.parametrize("end", [".", "!", "?", '."', ".”"])
def test_lines_that_end_like_sentences_are_kept(end):
    line = f"This one has five words{end}"
    assert drop_lines(line, SETTINGS, is_web=True) == (line, {})


@pytest.mark.parametrize(
    ("text", "rule", "is_of_web"),
    [
        (f"{GOOD} {GOOD} {GOOD}", "", False),
        (f"{GOOD} {GOOD}", "min_sentences", True),
        (f"{GOOD} {GOOD} {GOOD} {{", "curly_bracket", True),
        (f"{GOOD} {GOOD} {GOOD} Lorem Ipsum dolor.", "lorem_ipsum", False),
    ],
)
def test_pages(text, rule, is_of_web):
    assert c4_fault(text, SETTINGS, is_web=True).partition(":")[0] == rule
    mild = c4_fault(text, SETTINGS, is_web=False).partition(":")[0]
    assert mild == ("" if is_of_web else rule)


def test_thresholds_come_from_the_settings():
    settings = CorpusSettings(min_line_words=7, min_sentences=1)
    assert drop_lines(GOOD, settings, is_web=True) == ("", {"line_words": 1})
    assert c4_fault(GOOD, settings, is_web=True) == ""
