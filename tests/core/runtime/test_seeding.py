"""Seeds: the same everywhere, apart by name."""

import hashlib
import random
import subprocess
import sys

import numpy as np

from acclimate.core.runtime.seeding import derive, seed_everything


def test_derived_seeds_are_sha256_of_the_names():
    expected = int.from_bytes(hashlib.sha256(b"7/examples/colour").digest()[:4], "big")
    assert derive(7, "examples", "colour") == expected
    assert derive(7) != derive(8)
    assert derive(7, "a") != derive(7, "b")
    assert len({derive(0, i) for i in range(1000)}) == 1000


def test_every_generator_is_seeded():
    import torch

    def drawn(seed):
        seed_everything(seed)
        return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002

    first, second = drawn(1), drawn(2)
    assert drawn(1) == first
    assert all(a != b for a, b in zip(first, second, strict=True))
    seed_everything(2**40 + 1)  # larger than numpy takes


def test_torch_is_not_imported_for_it():
    code = "import sys; from acclimate.core.runtime.seeding import *; seed_everything(0); "
    command = [sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"]
    done = subprocess.run(command, check=False)
    assert done.returncode == 0
