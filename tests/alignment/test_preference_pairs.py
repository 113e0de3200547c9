"""Preferences are checked, held out by prompt, and laid out two rows a pair."""

import pytest
import torch

from acclimate.alignment.preference_pairs import TokenizedPair, collate_pairs, split_preferences
from acclimate.core.domain import Preference, TrainData
from acclimate.core.errors import DataError
from acclimate.training.packing import TokenizedExample


def data(*pairs):
    made = [Preference(prompt=p, chosen=c, rejected=r) for p, c, r in pairs]
    return TrainData(preferences=tuple(made))


MANY = data(*[(f"q{i % 10}", f"good {i}", f"bad {i}") for i in range(30)])


def test_a_fifth_of_the_prompts_is_held_out_with_all_their_pairs():
    learned, held_out = split_preferences(MANY, seed=0)
    assert len({p.question for p, _ in held_out}) == 2
    assert len(held_out) == 6
    assert not {p.question for p, _ in held_out} & {p.question for p, _ in learned}
    assert {liked.chosen for part in (learned, held_out) for _, liked in part} == {
        liked.chosen for liked in MANY.preferences
    }


def test_the_seed_says_which():
    found = [{p.question for p, _ in split_preferences(MANY, seed)[1]} for seed in (0, 0, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(map(frozenset, found))) > 1


def test_few_are_all_learned():
    assert split_preferences(data(("q", "a", "b"), ("r", "a", "b")), seed=0)[1] == []


@pytest.mark.parametrize(
    ("pair", "fault"),
    [
        (("q", "a", "a"), "preference 2: chosen and rejected are the same; drop it"),
        (("q", " ", "a"), "preference 2: 'chosen' is empty"),
        (("q", "a", ""), "preference 2: 'rejected' is empty"),
    ],
)
def test_malformed_pairs_are_named_by_number(pair, fault):
    with pytest.raises(DataError, match=fault):
        split_preferences(data(("q", "a", "b"), pair), seed=0)


PAIRS = [
    TokenizedPair(TokenizedExample([5, 6], [7]), TokenizedExample([5, 6], [8, 9]), (-1.0, -2.0)),
    TokenizedPair(TokenizedExample([5], [10]), TokenizedExample([5], [11]), (-3.0, -4.0)),
]


def test_chosen_stands_before_rejected(tiny):
    (batch,) = collate_pairs(tiny.network, PAIRS)
    assert batch.inputs["input_ids"].tolist() == [
        [5, 6, 7, 0], [5, 6, 8, 9], [5, 10, 0, 0], [5, 11, 0, 0]
    ]  # fmt: skip
    assert batch.reference.tolist() == [[-1.0, -2.0], [-3.0, -4.0]]
    assert batch.num_targets == 2, "a target is a pair"
    assert batch.num_tokens == 11


def test_long_pairs_take_several_passes(tiny, monkeypatch):
    monkeypatch.setattr("acclimate.alignment.token_logprobs.MAX_PASS_TOKENS", 8)
    assert [len(batch.reference) for batch in collate_pairs(tiny.network, PAIRS)] == [1, 1]


def test_an_idle_pass_counts_for_nothing(tiny):
    (batch,) = collate_pairs(tiny.network, PAIRS)
    idle = batch.idle()
    assert (idle.num_targets, float(idle.summed(torch.ones(2)))) == (0, 0.0)
    assert float(batch.summed(torch.ones(2))) == 2.0
