"""A model's key holds all that it follows from, files that a method reads too."""

import os

from acclimate.core.store import Store
from acclimate.methods.tuning.continued import Continued
from acclimate.methods.tuning.full import Full
from acclimate.study.workshop import Node, Workshop


def test_another_content_of_a_file_that_is_read_is_another_model(tiny, small_data, tmp_path):
    workshop = Workshop(Node(tiny, "base"), small_data, Store(tmp_path / "store"))
    text = tmp_path / "general.txt"
    text.write_text("The sea is wide.")
    replayed = {"replay_share": 0.5, "replay_path": str(text)}
    for kind in (Full, Continued):
        method = kind(retention=replayed)
        before = workshop.key((method,), 0)
        assert workshop.key((method,), 0) == before
        text.write_text(f"{text.read_text()} The night is long.")
        assert workshop.key((method,), 0) != before
        os.utime(text, (1, 1))
        unread = kind(retention={**replayed, "replay_share": 0.0})
        before = workshop.key((unread,), 0)
        text.write_text("Nobody reads it.")
        assert workshop.key((unread,), 0) == before
