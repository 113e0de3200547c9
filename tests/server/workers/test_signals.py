"""Signals that tell a server to stop do not reach a process before it can pass them over."""

import signal
import subprocess
import sys

import pytest

from acclimate.server.workers.process_setup import SIGNALS, held_back

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "pthread_sigmask"), reason="the system holds no signals back"
)
STARTED = """
import os, signal
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGTERM)
print("there")
"""


def started():
    """What a process says that is told to stop as soon as it begins."""
    told = subprocess.run(
        [sys.executable, "-c", STARTED], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        check=False, text=True,
    )  # fmt: skip
    return told.stdout


def test_what_is_started_meanwhile_hears_of_none():
    with held_back():
        assert started() == "there\n"
    assert started() == ""
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(SIGNALS)
