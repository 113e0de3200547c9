"""Near-duplicates against an exact search."""

import itertools

import numpy as np
import pytest

from acclimate.data.near_duplicates import merge_near_duplicates, near_duplicates

LONG = (
    "The workshop on the corner mends bicycles for people of the town who bring them early in "
    "the morning, and asks nothing of those that only have a flat tyre or a loose chain today."
)


def pairs(left, right):
    return [(m.left, m.right) for m in near_duplicates(left, right)]


@pytest.mark.parametrize(
    "other", [LONG, LONG.upper() + "!", LONG.replace("today", "now"), "Listen: " + LONG]
)
def test_equal_but_for_form_or_a_word(other):
    assert pairs(["something else entirely", LONG], [other]) == [(1, 0)]


@pytest.mark.parametrize(
    "other",
    [
        "",
        "The workshop on the corner",
        " ".join(reversed(LONG.split())),
        LONG.replace("bicycles", "cars").replace("morning", "night").replace("flat", "torn"),
    ],
)
def test_different_texts(other):
    assert pairs([LONG], [other]) == []


def test_short_questions_of_one_form_are_different():
    assert pairs(["Which module has dump?"], ["Which module has load?"]) == []
    assert pairs(["Which module has dump?"], ["which module has  DUMP"]) == [(0, 0)]


def test_a_number_makes_a_difference():
    one = LONG + " It has 12 places and 40 keys."
    assert pairs([one], [one.replace("12", "13")]) == []
    assert pairs([one], [one.replace("places", "seats")]) == [(0, 0)]


def test_minhash_finds_what_an_exact_search_finds():
    rng = np.random.default_rng(0)
    vocabulary = [a + b for a, b in itertools.product("bcdfghklm", ["ato", "iru", "ela", "oso"])]
    left = [" ".join(rng.choice(vocabulary, 60)) for _ in range(150)]
    right = []
    for text in left[:100]:
        words = text.split()
        words[int(rng.integers(60))] = "changed"
        right.append(" ".join(words))

    def jaccard(one, other):
        one, other = (
            {tuple(w[i : i + 5]) for i in range(len(w) - 4)} for w in (one.split(), other.split())
        )
        return len(one & other) / len(one | other)

    exact = {
        (i, j)
        for i, j in itertools.product(range(150), range(100))
        if jaccard(left[i], right[j]) >= 0.8
    }
    found = set(pairs(left, right))
    assert found <= exact
    assert len(exact) >= 90
    assert len(found) >= 0.98 * len(exact)


def test_groups_with_near_duplicates_become_one():
    texts = [LONG, "alone in the world", LONG + "!", LONG.lower(), "another lonely one"]
    assert merge_near_duplicates(texts, ["a", "b", "c", "d", "e"]) == ["a", "b", "a", "a", "e"]
    assert merge_near_duplicates(texts, ["a", "b", "b", "c", "c"]) == ["a", "a", "a", "a", "a"]
