"""Networks take turns, whoever had the last one."""

import threading
from itertools import count

from acclimate.inference.engine.turn_lock import ONE_PASS


def test_who_waits_comes_before_who_had_the_last_turn():
    is_over, has_begun, turns = threading.Event(), threading.Event(), count()

    def go_on():
        while not is_over.is_set():
            with ONE_PASS:
                next(turns)
                has_begun.set()
                is_over.wait(0.001)

    busy = threading.Thread(target=go_on)
    busy.start()
    has_begun.wait(10)
    waited = []
    for _ in range(20):
        before = next(turns)
        with ONE_PASS:
            waited.append(next(turns) - before - 1)
    is_over.set()
    busy.join(10)
    assert max(waited) <= 2
