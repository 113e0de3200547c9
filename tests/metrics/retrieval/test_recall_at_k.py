"""recall_at_k against hand values."""

import pytest

from acclimate.core.catalogue import METRICS
from acclimate.core.domain import Item
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.metrics.retrieval.recall_at_k import RecallAtK

ITEM = Item(id="i", question="?", target="t", sources=("x", "y"))


@pytest.mark.parametrize(
    ("documents", "k", "expected"),
    [
        (["x", "y"], 2, 1.0),
        (["a", "x", "y"], 2, 0.5),
        (["a", "a", "a", "x", "y"], 3, 1.0),
        (["a", "b"], 2, 0.0),
        ([], 5, 0.0),
        (["x", "x"], 5, 0.5),
    ],
)
def test_hand_values(documents, k, expected):
    assert RecallAtK(k=k).of_passages(ITEM, documents) == expected


def test_without_sources_it_is_undefined():
    with pytest.raises(NotApplicableError, match="item j has no sources"):
        RecallAtK().of_passages(Item(id="j", question="?", target="t"), ["x"])


def test_k_is_at_least_one():
    with pytest.raises(ConfigError, match="k=0"):
        METRICS.build({"name": "recall_at_k", "k": 0})
