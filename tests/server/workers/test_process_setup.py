"""The C library is told, where it can be."""

import platform
import subprocess
import sys

import pytest


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone knows mallopt")
def test_glibc_takes_the_settings():
    # In a process of its own: what is told holds for all of it.
    module = "acclimate.server.workers.process_setup"
    code = f"from {module} import give_memory_back; assert give_memory_back()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_collector_leaves_what_is_there_alone():
    code = (
        "import gc; from acclimate.server.workers.process_setup import keep_what_is_there; "
        "keep_what_is_there(); assert gc.get_freeze_count() > 1000"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
