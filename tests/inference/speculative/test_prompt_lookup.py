"""Guesses follow what stood before, in a quotation past a word that is put otherwise."""

import torch

from acclimate.core.model import Sampling
from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.speculative.prompt_lookup import PromptLookup

GREEDY = SamplingState(Sampling(), 0, [])


def looked_up(ids, num, longest=3, shortest=1):
    return PromptLookup(longest, shortest).row().draft(ids, num, GREEDY).tokens


def test_a_word_put_otherwise_does_not_end_a_quotation():
    text = list(range(100, 140))
    row = PromptLookup(6, 2).row()
    read = [*text, 7, *text[:12]]
    assert row.draft(read, 3, GREEDY).tokens == text[12:15]
    assert row.draft([*read, 8], 3, GREEDY).tokens == text[13:16]
    # Too much is otherwise.
    assert row.draft([*read, 8, 9, 10, 11, 12], 3, GREEDY).tokens == []
    # Nothing was ever quoted.
    assert PromptLookup(6, 2).row().draft([*read, 8], 3, GREEDY).tokens == []


def by_search(ids, num, longest=3, shortest=1):
    """The same by looking at every place, from the last back."""
    for size in range(longest, shortest - 1, -1):
        for place in range(len(ids) - 1, size - 1, -1):
            if ids[place - size : place] == ids[len(ids) - size :]:
                grown = list(ids)
                for number in range(num):
                    grown.append(grown[place + number])
                return grown[len(ids) :]
    return []


def test_the_longest_end_that_stood_before_goes_first():
    #      1 2 3 → 4, while 3 alone last stood before 9
    ids = [1, 2, 3, 4, 5, 3, 9, 1, 2, 3]
    assert looked_up(ids, 2) == [4, 5]
    assert looked_up(ids, 2, longest=1) == [9, 1]


def test_the_last_place_counts():
    assert looked_up([7, 1, 8, 7, 2, 8, 7], 2) == [2, 8]


def test_nothing_is_guessed_of_what_is_new():
    assert looked_up([1, 2, 3, 4], 3) == []
    assert looked_up([1, 2, 1], 3, shortest=2) == []
    assert looked_up([5], 3) == []


def test_past_the_end_it_goes_round():
    assert looked_up([1, 2, 3, 2, 3], 5) == [2, 3, 2, 3, 2]


def test_as_a_search_finds_it_while_the_row_grows():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, (300,), generator=generator).tolist()
    for sizes in ((3, 1), (6, 2), (4, 4)):
        row = PromptLookup(*sizes).row()
        for end in (40, 41, 45, 120, 121, 300):
            found = by_search(ids[:end], 6, *sizes)
            if found:
                assert row.draft(ids[:end], 6, GREEDY).tokens == found
