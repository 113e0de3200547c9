"""Examples that are scripts run, offline, to the end that they promise."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_loop_from_people_to_a_better_model_closes(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # `acclimate` of this installation, wherever it is run from.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(ROOT / "examples" / "feedback_loop.sh"), str(tmp_path / "loop")],
        env={**os.environ, "PATH": path, "PORT": str(port), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"vote":16' in done.stdout
    assert (tmp_path / "loop" / "study" / "report.html").is_file()
    # People, blind, like the tuned model's answers to questions that nobody taught it.
    votes = (tmp_path / "loop" / "votes.txt").read_text().split()
    assert votes[:3] == ["votes:", "12", "shop"]
    assert done.stdout.splitlines()[-1].startswith("after:  Thank you")
