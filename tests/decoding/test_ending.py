"""An answer ends at the end token or before a stop string, but not at blanks before it."""

import pytest

from acclimate.core.model import Sampling
from acclimate.decoding.ending import Ending


@pytest.mark.parametrize(
    ("said", "stop", "kept"),
    [
        ("the answer\nis in", ("\n",), "the answer"),
        ("\n\nthe answer", ("\n",), None),
        ("the answer is", ("is", "answer"), "the"),
        ("the answer", (), None),
    ],
)
def test_stop_strings(said, stop, kept, tokenizer):
    ending = Ending(tokenizer, Sampling(stop=stop), frozenset())
    ids = tokenizer(said)["input_ids"]
    assert ending.is_reached(ids) == (kept is not None)
    assert ending.text(ids) == (said.strip() if kept is None else kept)


def test_the_end_token(tokenizer):
    ending = Ending(tokenizer, Sampling(), frozenset({tokenizer.eos_token_id}))
    ids = [*tokenizer("the answer")["input_ids"], tokenizer.eos_token_id]
    assert ending.is_reached(ids)
    assert ending.text(ids) == "the answer"
