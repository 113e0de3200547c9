"""Silence: nothing reaches the terminal, errors rise, afterwards all is as before."""

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from acclimate.core.runtime.silence import silenced

LOUD = """
import logging, os, sys, warnings
from acclimate.core.runtime.silence import silenced
with silenced():
    sys.stderr.write("python ")
    os.write(2, b"c ")
    warnings.warn("careful")
    logging.getLogger("library").warning("logged")
sys.stderr.write("after")
"""


def test_nothing_is_heard_not_even_from_c():
    done = subprocess.run([sys.executable, "-c", LOUD], capture_output=True, text=True, check=True)
    assert done.stderr == "after"


def test_afterwards_all_is_heard(capfd):
    before = logging.root.manager.disable
    with pytest.raises(ValueError, match="risen"), silenced():
        raise ValueError("risen")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
    assert logging.root.manager.disable == before
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("again", stacklevel=1)


def test_what_is_answered_is_kept(capfd):
    with silenced():
        os.write(1, b"answer")
    assert capfd.readouterr().out == "answer"


def test_no_descriptor_is_lost():
    def opened():
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the system does not tell")
    before = opened()
    for _ in range(5):
        with silenced():
            pass
    assert opened() == before
