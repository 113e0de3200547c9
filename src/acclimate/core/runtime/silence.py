"""Silence: what libraries print while they load never reaches the user."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Drop what the body writes to stderr, also from C, and its warnings; errors still rise."""
    sys.stderr.flush()
    try:
        stderr_copy = os.dup(2)
    except OSError:  # no stderr at all: nothing to silence
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    previous = logging.root.manager.disable
    try:
        os.dup2(nowhere, 2)
        logging.disable(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        logging.disable(previous)
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)
        os.close(nowhere)
