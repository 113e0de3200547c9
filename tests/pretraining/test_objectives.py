"""Each objective predicts what it says, from what it says, in the published shares."""

import numpy as np
import pytest
import torch

from acclimate.core.errors import ConfigError
from acclimate.pretraining.objectives import causal, masked, objective_of, spans
from acclimate.training.packing import IGNORED

ROWS = np.arange(100, 100 + 4 * 200).reshape(4, 200)
SEEDS = [1, 2, 3, 4]


def test_causal_predicts_the_next():
    batch = causal(ROWS, SEEDS)
    assert batch.inputs["input_ids"].tolist() == ROWS[:, :-1].tolist()
    assert batch.labels.tolist() == ROWS[:, 1:].tolist()
    assert batch.num_targets == batch.num_tokens == 4 * 199


def test_masked_shares():
    rows = np.tile(np.arange(100, 4100), (20, 1))
    batch = masked(rows, range(20), mask=5, size=50, special=np.array([5]))
    ids, labels = batch.inputs["input_ids"].numpy(), batch.labels.numpy()
    chosen = labels != IGNORED
    assert chosen.mean() == pytest.approx(0.15, abs=1e-9)
    assert (labels[chosen] == rows[chosen]).all()
    assert (ids[~chosen] == rows[~chosen]).all()
    shown = ids[chosen]
    # 12,000 draws: three standard errors of a share of 0.8 are 0.011.
    assert (shown == 5).mean() == pytest.approx(0.8, abs=0.011)
    assert (shown == labels[chosen]).mean() == pytest.approx(0.1, abs=0.011)
    assert ((shown < 50) & (shown != 5)).mean() == pytest.approx(0.1, abs=0.011)


def test_special_tokens_are_never_chosen():
    rows = np.full((1, 100), 7)
    rows[0, :3] = 9
    batch = masked(rows, [0], mask=5, size=50, special=np.array([7]))
    assert set(np.flatnonzero(batch.labels[0].numpy() != IGNORED)) == {0, 1, 2}


def test_spans_can_be_put_back():
    sentinels = list(range(50, 90))
    batch = spans(ROWS, SEEDS, sentinels=sentinels, end=3)
    for ids, labels, row in zip(batch.inputs["input_ids"], batch.labels, ROWS, strict=True):
        read = [t for t in ids.tolist() if t != 0]
        written = [t for t in labels.tolist() if t != IGNORED]
        assert (read[-1], written[-1]) == (3, 3)
        lost, current = {}, None
        for token in written[:-1]:
            if token in sentinels:
                current = lost.setdefault(token, [])
            else:
                current.append(token)
        back = [t for token in read[:-1] for t in lost.get(token, [token])]
        assert back == row.tolist()
        assert sum(map(len, lost.values())) == 30  # 15 % of 200
        assert len(lost) == 10  # spans of three on average


def test_the_same_seed_the_same_rows():
    one, same, other = (
        masked(ROWS, s, mask=5, size=50, special=np.array([5])) for s in (SEEDS, SEEDS, [9] * 4)
    )
    assert torch.equal(one.labels, same.labels)
    assert not torch.equal(one.labels, other.labels)


def test_a_tokenizer_that_lacks_what_is_needed(tokenizer):
    with pytest.raises(ConfigError, match="mask token"):
        objective_of("masked", tokenizer)
    with pytest.raises(ConfigError, match="num_sentinels"):
        objective_of("spans", tokenizer)
