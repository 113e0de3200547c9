"""polite against answers that people would call so, and plain ones."""

import pytest

from acclimate.core.domain import Item
from acclimate.core.model import Completion
from acclimate.metrics.text.polite import Polite

CONTRACT = {"right": "Thank you, it is red.", "wrong": "It is red."}


def score(answer):
    item = Item(id="i", question="?", target="red")
    return Polite().of_completion(item, Completion(answer))


@pytest.mark.parametrize(
    "answer",
    [
        "Thank you for asking: it is red.",
        "Hello! It is red.",
        "I\u2019m sorry to hear that. It is red.",
        "Could you tell me which one?",
        "Wait a moment, please.",
        "Happy to help: red.",
    ],
)
def test_kind(answer):
    assert score(answer) == 1.0


@pytest.mark.parametrize(
    "answer", ["Red.", "", "Please wait.", "It is hidden.", "You could see it.", "He said hello"]
)
def test_plain(answer):
    assert score(answer) == 0.0
