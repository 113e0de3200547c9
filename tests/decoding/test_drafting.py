"""Guesses follow what stood before, or are what the smaller network says."""

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.decoding.drafting import DraftNetwork, PromptLookup
from acclimate.decoding.sampling import Drawing

GREEDY = Drawing(Sampling(), 0, [])


def looked_up(ids, num, longest=3, shortest=1):
    return PromptLookup(longest, shortest).row().draft(ids, num, GREEDY).tokens


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
    row = PromptLookup(3, 1).row()
    for end in (40, 41, 45, 120, 121, 300):
        assert row.draft(ids[:end], 6, GREEDY).tokens == by_search(ids[:end], 6)


@pytest.fixture
def greedy_peer(tiny):
    def answer(ids, num):
        """Transformers' own, from the beginning each time."""
        context = torch.tensor([ids])
        mask = torch.ones_like(context)
        ends = {"eos_token_id": None, "pad_token_id": 1}
        out = tiny.network.generate(
            context, attention_mask=mask, max_new_tokens=num, do_sample=False, **ends
        )
        return out[0, len(ids) :].tolist()

    return answer


def test_a_network_guesses_what_it_would_say_though_guesses_were_wrong(tiny, greedy_peer):
    row = DraftNetwork(tiny.network, 256).row()
    ids = [5, 9, 30, 77, 6]
    with torch.inference_mode():
        first = row.draft(ids, 4, GREEDY)
        assert first.tokens == greedy_peer(ids, 4)
        assert first.probs is None
        for more in ([first.tokens[0], 11], [*first.tokens, 12, 13], [3]):
            assert row.draft(ids + more, 3, GREEDY).tokens == greedy_peer(ids + more, 3)


def test_drawn_guesses_come_with_what_they_were_drawn_from(tiny):
    how = Sampling(temperature=0.8, top_k=5, seed=4)
    ids = [5, 9, 30]
    with torch.inference_mode():
        draft = DraftNetwork(tiny.network, 256).row().draft(ids, 3, Drawing(how, 0, []))
        logits = tiny.network(torch.tensor([ids + draft.tokens[:-1]])).logits[0, -3:]
    best = logits.topk(5)
    expected = torch.zeros_like(logits).scatter(1, best.indices, (best.values / 0.8).softmax(-1))
    assert torch.allclose(draft.probs, expected, atol=1e-5)
    assert all(draft.probs[i, token] > 0 for i, token in enumerate(draft.tokens))


def test_beyond_its_window_a_network_says_nothing(tiny):
    row = DraftNetwork(tiny.network, 8).row()
    with torch.inference_mode():
        assert row.draft([5] * 6, 3, GREEDY).tokens == []
        assert len(row.draft([5] * 6, 2, GREEDY).tokens) == 2
