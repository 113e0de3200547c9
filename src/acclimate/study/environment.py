"""What a study ran on: hardware and the versions of what it used."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

LIBRARIES = ("acclimate", "torch", "transformers", "peft", "tokenizers", "numpy", "scikit-learn",
             "faiss-cpu", "tantivy", "sentence-transformers")  # fmt: skip
"""Those whose version can change a number."""


def versions() -> dict[str, str]:
    """Name → version of Python and of the libraries that are installed."""
    by_name = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            by_name[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return by_name


def num_cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_gpus() -> int:
    """Accelerators in use: those of a torch that is loaded already."""
    torch = sys.modules.get("torch")
    return int(torch.cuda.device_count()) if torch else 0


def hardware() -> str:
    """Processor, cores and memory in one line."""
    import psutil

    gib = psutil.virtual_memory().total / 2**30
    parts = [_processor(), f"{num_cores()} cores", f"{gib:.0f} GiB"]
    if product := matrices_by():
        parts.append(f"matrices by {product}")
    if num_gpus():
        parts.append(f"{num_gpus()} x {sys.modules['torch'].cuda.get_device_name(0)}")
    return ", ".join(parts)


def matrices_by() -> str:
    """The library that multiplies matrices here, for two round differently; empty: no torch yet."""
    if "torch" not in sys.modules:
        return ""
    from acclimate.nn.fast_linear import matrix_product

    return matrix_product()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
