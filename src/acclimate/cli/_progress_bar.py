"""Progress as bars on a terminal, as plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from acclimate.core.runtime.progress import Advance, report_progress_to

LINE_SECONDS = 2.0
"""Where there is no terminal, work that takes longer than this is told, a line when it is done."""


@contextmanager
def progress_shown() -> Iterator[None]:
    """Show the progress of everything done while open, on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with report_progress_to(_lines, _line):
            yield
        return
    columns = (
        TextColumn("{task.description:<34.34}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    bars = Progress(*columns, console=console, transient=True)

    @contextmanager
    def bar(label: str, total: float) -> Iterator[Advance]:
        task = bars.add_task(label, total=total)
        try:
            yield lambda done: bars.advance(task, done)
        finally:
            bars.remove_task(task)

    with (
        bars,
        report_progress_to(bar, lambda text: console.print(text, highlight=False, markup=False)),
    ):
        yield


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def _lines(label: str, total: float) -> Iterator[Advance]:
    start = time.monotonic()
    yield lambda done: None
    seconds = time.monotonic() - start
    if seconds > LINE_SECONDS:
        _line(f"{label}: {total:g} in {seconds:.0f} s")
