"""Versions of the libraries that code imports and that can change a number."""

import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata, util

PYTHON = "python"
NOT_INSTALLED = "not installed"

CHANGE_NO_NUMBER = {
    "rich": "draws what is said in a terminal",
    "typer": "reads the command line",
    "tqdm": "draws progress",
    "matplotlib": "draws charts of what was measured",
    "mlflow": "is told of losses, and asked nothing",
    "trackio": "is told of losses, and asked nothing",
    "tensorboard": "is told of losses, and asked nothing",
    "psutil": "tells the memory and processes that there are",
}
"""Top import name → why its version cannot."""

BESIDE = {"transformers": ("tokenizers",)}
"""Libraries that run wherever another does, whether or not they are imported by name."""


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """Distribution → version of the libraries with these top import names, and Python's."""
    counted = {name for name in names if name not in CHANGE_NO_NUMBER}
    counted |= {other for name in counted for other in BESIDE.get(name, ())}
    versions = {distribution_of(name): version_of(distribution_of(name)) for name in counted}
    return dict(sorted({PYTHON: version_of(PYTHON), **versions}.items()))


@cache
def version_of(distribution: str) -> str:
    """Of Python the minor one; empty: it is not installed."""
    if distribution == PYTHON:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


@cache
def distribution_of(name: str) -> str:
    """What brings a top import name: mostly it is called so itself."""
    if name in _KNOWN:
        return _KNOWN[name]
    if version_of(name) or not _is_installed(name):
        return name
    return (_brought_by().get(name) or [name])[0]


_KNOWN = {
    "faiss": "faiss-cpu",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "markdown_it": "markdown-it-py",
}
"""Saves a look into every distribution, which takes longer than all the rest; others are looked
up."""


@cache
def _brought_by() -> dict[str, list[str]]:
    return {name: sorted(set(by)) for name, by in metadata.packages_distributions().items()}


def _is_installed(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except (ImportError, ValueError):
        return name in sys.modules
