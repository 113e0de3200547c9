"""Tokens of a given text, weighed, against the network's own logits."""

import math

import pytest
import torch

from acclimate.inference.prompt_logprobs import GivenTokens, weigh_tokens


def expected(model, ids):
    """Log-probabilities (T, V) after each token."""
    with torch.no_grad():
        return model.network(torch.tensor([ids])).logits[0].float().log_softmax(-1)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_each_token_is_weighed_after_those_before_it(model_folder, family):
    from acclimate.models.local.huggingface import HuggingFace

    model = HuggingFace(path=str(model_folder(family))).load()
    texts = [model.tokenizer(t)["input_ids"] for t in ("What is the answer?", "In the passage")]
    found = weigh_tokens(model, [GivenTokens([], ids) for ids in texts], 3)
    for ids, told in zip(texts, found, strict=True):
        own = expected(model, ids)
        assert [t.text for t in told.tokens] == [model.tokenizer.decode([i]) for i in ids]
        assert math.isnan(told.tokens[0].logprob)
        for place, token in enumerate(told.tokens[1:]):
            assert token.logprob == pytest.approx(own[place, ids[place + 1]].item(), abs=1e-4)
            values = own[place].topk(3).values.tolist()
            assert [v for _, v in token.likeliest] == pytest.approx(values, abs=1e-4)
        assert told.next_id == own[-1].argmax().item()
        assert told.next_token.logprob == pytest.approx(own[-1].max().item(), abs=1e-4)


def test_what_stands_before_is_read_and_not_told(tiny):
    before = tiny.tokenizer("The answer is")["input_ids"]
    ids = tiny.tokenizer(" in the passage")["input_ids"]
    (told,) = weigh_tokens(tiny, [GivenTokens(before, ids)], 0)
    own = expected(tiny, before + ids)
    assert len(told.tokens) == len(ids)
    for place, token in enumerate(told.tokens):
        row = own[len(before) + place - 1]
        assert token.logprob == pytest.approx(row[ids[place]].item(), abs=1e-4)
        assert token.likeliest == ()


def test_one_token(tiny):
    (told,) = weigh_tokens(tiny, [GivenTokens([], [5])], 1)
    assert len(told.tokens) == 1
    assert told.next_id == expected(tiny, [5])[-1].argmax().item()
