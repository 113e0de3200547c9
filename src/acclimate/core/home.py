"""Where this user's artifacts, indexes and kept answers lie."""

import os
from pathlib import Path


def home() -> Path:
    """Where the store lies: `ACCLIMATE_HOME`, else the user's cache folder."""
    root = os.environ.get("ACCLIMATE_HOME")
    return Path(root).expanduser() if root else Path.home() / ".cache" / "acclimate"
