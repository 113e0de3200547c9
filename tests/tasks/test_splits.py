"""Splits by group: every group in one, shares about as wished."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acclimate.tasks.splits import cut_groups, interleaved

SHARES = {"test": 0.2, "dev": 0.1, "train": 0.7}
SIZES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["x", "y"]), st.integers(1, 30), min_size=1),
    min_size=3,
    max_size=40,
)


@given(sizes=SIZES, seed=st.integers(0, 5))
def test_every_group_goes_to_one_split_and_no_split_is_empty(sizes, seed):
    chosen = cut_groups(sizes, SHARES, seed)
    assert chosen.keys() == sizes.keys()
    assert set(chosen.values()) == set(SHARES)


@given(sizes=SIZES, seed=st.integers(0, 5))
def test_a_task_with_groups_enough_is_in_every_split(sizes, seed):
    chosen = cut_groups({g: {"x": 1, **own} for g, own in sizes.items()}, SHARES, seed)
    assert {chosen[group] for group in sizes} == set(SHARES)


def test_shares_are_kept_with_many_small_groups():
    sizes = {f"g{i}": {"x": 1 + i % 3, "y": 2} for i in range(300)}
    chosen = cut_groups(sizes, SHARES, 0)
    for task in ("x", "y"):
        total = sum(own[task] for own in sizes.values())
        for split, share in SHARES.items():
            held = sum(own[task] for group, own in sizes.items() if chosen[group] == split)
            assert held / total == pytest.approx(share, abs=0.01)


def test_the_seed_decides_and_the_order_of_groups_does_not():
    sizes = {f"g{i}": {"x": 1} for i in range(50)}
    backwards = dict(reversed(sizes.items()))
    assert cut_groups(sizes, SHARES, 0) == cut_groups(backwards, SHARES, 0)
    assert cut_groups(sizes, SHARES, 0) != cut_groups(sizes, SHARES, 1)


def test_too_few_groups_leave_the_last_split_empty():
    assert set(cut_groups({"a": {"x": 5}, "b": {"x": 5}}, SHARES, 0).values()) == {"test", "dev"}


def test_members_are_taken_in_turn():
    groups = {"big": [f"b{i}" for i in range(100)], "small": ["s0", "s1"]}
    taken = interleaved(groups, 6, seed=0)
    assert len(taken) == len(set(taken)) == 6
    assert sum(name.startswith("s") for name in taken) == 2
    assert sorted(interleaved(groups, 1000, seed=0)) == sorted([*groups["big"], "s0", "s1"])
