"""Guesses are what the smaller network says."""

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.speculative.draft_model import DraftNetwork

GREEDY = SamplingState(Sampling(), 0, [])


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
        draft = DraftNetwork(tiny.network, 256).row().draft(ids, 3, SamplingState(how, 0, []))
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
