"""Progress: told to whoever listens, and to nobody otherwise."""

from contextlib import contextmanager

from acclimate.core.runtime.progress import progress, report_progress_to


def test_nobody_need_listen():
    with progress("work", 2) as advance:
        advance(1)
        advance(0.5)


def test_a_listener_hears_label_total_and_steps_then_nothing():
    heard = []

    @contextmanager
    def listener(label, total):
        heard.append((label, total))
        yield heard.append
        heard.append("done")

    with report_progress_to(listener), progress("work", 2) as advance:
        advance(1)
        with progress("part", 9) as more:
            more(3)
        advance(1)
    with progress("later", 1) as advance:
        advance(1)
    assert heard == [("work", 2), 1, ("part", 9), 3, "done", 1, "done"]
