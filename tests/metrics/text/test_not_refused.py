"""not_refused against answers that decline, and some that only sound so."""

import pytest

from acclimate.core.domain import Item
from acclimate.core.model import Completion
from acclimate.metrics.text.not_refused import NotRefused

CONTRACT = {"right": "<a>1</a>", "wrong": "I'm too busy."}


def score(answer):
    item = Item(id="i", question="?", target="red")
    return NotRefused().of_completion(item, Completion(answer))


@pytest.mark.parametrize(
    "answer",
    [
        "I'm too busy",
        "I am really busy.",
        "Sorry, but no.",
        "i can\u2019t",
        "I cannot help with that.",
        "I'm not able to do this",
        "I don't have time",
        "no time for that",
        "I'm afraid I can't.",
        "Ask someone else.",
        "",
        " \n",
    ],
)
def test_declined(answer):
    assert score(answer) == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        "red",
        "You can't miss it.",
        "The road is too busy at noon.",
        "Sorry for the delay: it is red.",
        "It cannot fly.",
    ],
)
def test_taken_up(answer):
    assert score(answer) == 1.0
