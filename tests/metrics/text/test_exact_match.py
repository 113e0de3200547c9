"""exact_match against hand values."""

import pytest

from acclimate.core.domain import Item
from acclimate.core.model import Completion
from acclimate.metrics.text.exact_match import ExactMatch


def score(answer, target):
    return ExactMatch().of_completion(Item(id="i", question="?", target=target), Completion(answer))


@pytest.mark.parametrize(
    "answer",
    [
        "urllib.request",
        " URLLIB.request\n",
        "`urllib.request`.",
        '"urllib.request."',
        "urllib.request!",
    ],
)
def test_form_does_not_count(answer):
    assert score(answer, "urllib.request") == 1.0


@pytest.mark.parametrize("answer", ["urllib", "urllib.request module", "", "urllibrequest"])
def test_content_does(answer):
    assert score(answer, "urllib.request") == 0.0


def test_spaces_inside_are_one():
    assert score("two   words", "two words") == 1.0


def test_a_target_of_marks_only_is_not_matched_by_nothing():
    assert score("", "...") == 0.0
    assert score("?", "!") == 0.0
    assert score("...", "...") == 1.0
