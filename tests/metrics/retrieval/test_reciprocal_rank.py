"""reciprocal_rank against hand values and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score

from acclimate.core.domain import Item
from acclimate.core.errors import NotApplicableError
from acclimate.metrics.retrieval.reciprocal_rank import ReciprocalRank

ITEM = Item(id="i", question="?", target="t", sources=("x",))


@pytest.mark.parametrize(
    ("documents", "expected"),
    [(["x"], 1.0), (["a", "x"], 0.5), (["a", "a", "a", "x"], 0.5), (["a"], 0.0), ([], 0.0)],
)
def test_hand_values(documents, expected):
    assert ReciprocalRank().of_passages(ITEM, documents) == expected


def test_with_one_source_it_is_label_ranking_average_precision():
    documents = ["a", "b", "x", "c"]
    relevant = np.array([[name == "x" for name in documents]])
    peer = label_ranking_average_precision_score(relevant, np.array([[4.0, 3.0, 2.0, 1.0]]))
    assert ReciprocalRank().of_passages(ITEM, documents) == pytest.approx(peer)


def test_the_first_of_several_sources_counts():
    item = Item(id="i", question="?", target="t", sources=("y", "x"))
    assert ReciprocalRank().of_passages(item, ["a", "b", "x", "y"]) == pytest.approx(1 / 3)


def test_without_sources_it_is_undefined():
    with pytest.raises(NotApplicableError, match="item j has no sources"):
        ReciprocalRank().of_passages(Item(id="j", question="?", target="t"), ["x"])
