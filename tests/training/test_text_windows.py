"""Documents held out: whole ones, at least one, never all."""

import pytest

from acclimate.core.domain import Document
from acclimate.training.text_windows import hold_out_documents

DOCUMENTS = [Document(id=str(i), text="x") for i in range(20)]


@pytest.mark.parametrize(
    ("count", "share", "num_out"),
    [(20, 0.1, 2), (20, 0.01, 1), (2, 0.9, 1), (1, 0.5, 0), (9, 0, 0)],
)
def test_so_many(count, share, num_out):
    own, out = hold_out_documents(DOCUMENTS[:count], share, seed=0)
    assert len(out) == num_out
    assert sorted([*own, *out], key=lambda d: int(d.id)) == DOCUMENTS[:count]


def test_another_seed_another_draw():
    draws = {
        tuple(d.id for d in hold_out_documents(DOCUMENTS, 0.3, seed=seed)[1]) for seed in range(5)
    }
    assert len(draws) > 1
    assert hold_out_documents(DOCUMENTS, 0.3, seed=0) == hold_out_documents(DOCUMENTS, 0.3, seed=0)
