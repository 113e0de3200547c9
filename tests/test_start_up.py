"""Listing what there is must be quick: nothing heavy is imported for it."""

import json
import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "transformers", "peft", "sklearn", "scipy", "numpy", "matplotlib", "pyarrow")
SECONDS = 2.0
"""A bound that a busy machine keeps too; how quick it is, a benchmark says."""


def loaded_by(arguments):
    """Heavy modules that are imported once the command line has run."""
    code = (
        "import sys\n"
        "from acclimate.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout, json.loads(done.stderr.splitlines()[-1].replace("'", '"'))


@pytest.mark.parametrize(
    "arguments",
    [
        ["methods"],
        ["methods", "tuning"],
        ["methods", "--kind", "models"],
        [],
        ["methods", "--help"],
    ],
)
def test_listing_imports_nothing_heavy(arguments):
    out, heavy = loaded_by(arguments)
    assert out
    assert heavy == []


def test_what_is_loaded_would_be_seen():
    _, heavy = loaded_by(["show", "lora"])
    assert "torch" in heavy


def test_listing_is_quick():
    code = "from acclimate.cli.main import main; main(['methods'])"
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    assert sorted(seconds)[1] < SECONDS
