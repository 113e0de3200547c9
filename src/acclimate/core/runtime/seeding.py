"""Seeds: every generator at once, and independent ones by name."""

import hashlib
import random
import sys

import numpy as np


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and, where it is loaded, torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (libraries under us draw from the global state)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def derive(seed: int, *names: object) -> int:
    """A seed of its own for each combination of names, the same on every machine."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
