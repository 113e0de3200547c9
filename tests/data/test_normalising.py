"""What counts as the same answer."""

import pytest

from acclimate.data.normalization import normalised


@pytest.mark.parametrize("text", ["Red", " red. ", "'red'", "RED!", "“Red”."])
def test_alike(text):
    assert normalised(text) == "red"


def test_what_is_marks_alone_stays():
    assert normalised("?") == "?"
    assert normalised(" \n") == ""
    assert normalised("a  b") == "a b"
