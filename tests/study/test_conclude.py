"""What a study without a result of its base says."""

import pytest

from acclimate.core.errors import BackendError
from acclimate.study.conclude import conclude
from acclimate.study.results_db import Row


def test_the_reason_is_that_of_the_row_that_failed():
    rows = [
        Row(recipe="base", seed=0, split="dev"),
        Row(recipe="base", seed=0, split="test", status="failed", reason="no start of text"),
    ]
    with pytest.raises(BackendError, match="the base itself has no result: no start of text"):
        conclude(rows, None, None, None)
    with pytest.raises(BackendError, match="it was not run"):
        conclude([], None, None, None)
