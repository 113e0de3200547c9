"""What is read of answers' tokens, against a plain pass over each answer alone."""

import pytest
import torch

from acclimate.alignment.token_logprobs import answer_logits, encode_answer, in_passes
from acclimate.core.prompt import Prompt
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.packing import TokenizedExample, one_a_row

EXAMPLES = [
    TokenizedExample([5, 6, 7], [8, 9]),
    TokenizedExample([10], [11, 12, 13, 14]),
    TokenizedExample([4, 4], [3]),
]


def alone(network, example):
    """Logits before each token of the answer."""
    if network.config.is_encoder_decoder:
        start = network.config.decoder_start_token_id
        ids = torch.tensor([[start, *example.answer[:-1]]])
        return network(input_ids=torch.tensor([example.prompt]), decoder_input_ids=ids).logits[0]
    ids = torch.tensor([[*example.prompt, *example.answer]])
    return network(input_ids=ids).logits[0, len(example.prompt) - 1 : -1]


@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral", "gemma2", "gpt2", "t5"])
def test_rows_of_different_length_are_read_as_if_alone(family, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    is_seq2seq = family == "t5"
    with torch.no_grad():
        found = answer_logits(network, one_a_row(EXAMPLES, is_seq2seq=is_seq2seq))
        logits = [alone(network, example) for example in EXAMPLES]
    assert found.lengths == [2, 4, 1]
    assert found.tokens.tolist() == [8, 9, 11, 12, 13, 14, 3]
    whole = torch.cat(logits).log_softmax(-1)
    assert torch.allclose(found.logprobs, whole.gather(1, found.tokens[:, None])[:, 0], atol=1e-4)
    sums = [
        own.log_softmax(-1).gather(1, torch.tensor(e.answer)[:, None]).sum()
        for own, e in zip(logits, EXAMPLES, strict=True)
    ]
    assert torch.allclose(found.sums(), torch.stack(sums), atol=1e-4)
    entropies = torch.distributions.Categorical(logits=torch.cat(logits)).entropy()
    assert torch.allclose(found.entropies, entropies, atol=1e-4)
    assert torch.equal(found.last(), found.hidden[[1, 5, 6]])


def test_kl_is_that_of_whole_distributions(tiny, model_folder):
    batch = one_a_row(EXAMPLES, is_seq2seq=False)
    with torch.no_grad():
        one = answer_logits(tiny.network, batch)
        two = answer_logits(HuggingFace(path=str(model_folder("qwen3"))).load().network, batch)
    p, q = (torch.distributions.Categorical(logits=r.logits) for r in (one, two))
    assert torch.allclose(one.kl(two), torch.distributions.kl_divergence(p, q), atol=1e-4)
    assert torch.allclose(one.kl(one), torch.zeros(7), atol=1e-6)


def test_an_answer_ends_and_an_empty_one_does_too(tiny, model_folder):
    end = tiny.tokenizer.eos_token_id
    assert encode_answer(tiny, Prompt("one?"), "the").answer[-1] == end
    assert encode_answer(tiny, Prompt("one?"), "").answer == [end]
    t5 = HuggingFace(path=str(model_folder("t5"))).load()
    assert len(encode_answer(t5, Prompt("one?"), "").answer) == 1


def test_passes_hold_all_in_order(monkeypatch):
    monkeypatch.setattr("acclimate.alignment.token_logprobs.MAX_PASS_TOKENS", 10)
    assert [list(range(7))[s] for s in in_passes([3, 1, 2, 1, 1, 1, 1])] == [
        [0, 1, 2], [3, 4, 5], [6]
    ]  # fmt: skip
    assert [list(range(2))[s] for s in in_passes([20, 20])] == [[0], [1]]
