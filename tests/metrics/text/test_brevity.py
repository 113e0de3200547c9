"""brevity against hand values."""

import pytest

from acclimate.core.domain import Item
from acclimate.core.model import Completion
from acclimate.metrics.text.brevity import Brevity

CONTRACT = {"right": "<a>1</a>", "wrong": ""}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("it is red", 1.0),
        ("red", 1.0),
        ("it is red I am quite sure", 3 / 7),
        ("well  it\nis red of course", 0.5),
        ("", 0.0),
        ("  ", 0.0),
    ],
)
def test_words_over_words(answer, value):
    item = Item(id="i", question="?", target="it is red")
    assert Brevity().of_completion(item, Completion(answer)) == pytest.approx(value)


def test_a_target_that_says_nothing_wants_nothing_said():
    item = Item(id="i", question="?", target="")
    assert Brevity().of_completion(item, Completion("red")) == 0.0
