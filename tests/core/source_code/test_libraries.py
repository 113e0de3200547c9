"""Versions of libraries by import name; a short list cannot change a number."""

import sys
from importlib import metadata

import pytest

from acclimate.core.source_code.libraries import CHANGE_NO_NUMBER, distribution_of, versions_of

MINOR = "{}.{}".format(*sys.version_info[:2])


def test_each_has_the_version_that_is_installed():
    found = versions_of(["sklearn", "yaml", "numpy", "faiss"])
    assert found == {
        "python": MINOR,
        **{n: metadata.version(n) for n in ("faiss-cpu", "numpy", "pyyaml", "scikit-learn")},
    }


def test_tokenizers_count_wherever_transformers_does():
    found = versions_of(["transformers"])
    assert found["tokenizers"] == metadata.version("tokenizers")
    assert found["transformers"] == metadata.version("transformers")
    assert "tokenizers" not in versions_of(["torch"])


def test_python_counts_always_and_what_is_not_there_has_no_version():
    assert versions_of([]) == {"python": MINOR}
    assert versions_of(["no_such_library"]) == {"no_such_library": "", "python": MINOR}


def test_those_that_cannot_change_a_number_are_few_and_each_has_a_reason():
    assert versions_of(CHANGE_NO_NUMBER) == {"python": MINOR}
    assert len(CHANGE_NO_NUMBER) <= 10
    assert all(len(reason.split()) > 1 for reason in CHANGE_NO_NUMBER.values())


@pytest.mark.parametrize("name", ["faiss", "sklearn", "yaml", "markdown_it"])
def test_those_known_by_heart_are_brought_by_what_is_said(name):
    names = metadata.packages_distributions()[name]
    assert distribution_of(name) in {one.lower() for one in names}


def test_others_are_looked_up():
    assert distribution_of("_pytest") == "pytest"
