"""Errors: exit codes, kinds that Python code expects, and the nearest name."""

import pytest

from acclimate.core import errors


@pytest.mark.parametrize(
    ("kind", "builtin", "code"),
    [
        (errors.ConfigError, ValueError, 2),
        (errors.DataError, ValueError, 2),
        (errors.NotApplicableError, TypeError, 2),
        (errors.BudgetError, RuntimeError, 3),
        (errors.BackendError, RuntimeError, 1),
    ],
)
def test_kinds(kind, builtin, code):
    error = kind("said")
    assert isinstance(error, errors.AcclimateError)
    assert isinstance(error, builtin)
    assert str(error) == "said"
    assert error.exit_code == code


def test_missing_extra_says_how_to_install_it():
    error = errors.MissingExtraError("dense_rag", "rag", "sentence_transformers")
    assert isinstance(error, ImportError)
    assert str(error) == "dense_rag needs 'sentence_transformers': pip install 'acclimate[rag]'"


def test_unknown_name_gives_the_nearest_or_all():
    error = errors.UnknownNameError("method", "lroa", ["lora", "dora"])
    assert isinstance(error, KeyError)
    assert str(error) == "no method is called 'lroa'; did you mean lora?"
    far = errors.UnknownNameError("method", "xyzzy", ["lora", "dora"])
    assert str(far) == "no method is called 'xyzzy'; known: dora, lora"
    assert far.exit_code == 2
    long = str(errors.UnknownNameError("method", "x" * 10**6, ["lora", "dora"]))
    assert long == f"no method is called '{'x' * errors.MAX_SHOWN}…'; known: dora, lora"
