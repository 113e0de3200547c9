"""The decoding loop equals transformers' greedy generate; sampling follows its definition."""

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.inference.generate import decode
from acclimate.models.local.huggingface import HuggingFace

PREFIX = [(11 * i) % 390 + 2 for i in range(30)]
CONTEXTS = [[*PREFIX, 5], [*PREFIX, 8, 9, 10, 44], [*PREFIX, 7, 7]]


def peer(network, context, num_tokens):
    """Transformers' own greedy answer, one context at a time."""
    ids = torch.tensor([context])
    output = network.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=num_tokens,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=1,
    )
    return output[0].tolist()[-num_tokens:]


@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral", "gemma2", "gpt2", "t5"])
def test_greedy_equals_generate(family, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    sampling = Sampling(max_new_tokens=6)
    answers = decode(network, CONTEXTS, sampling, is_stop=lambda ids: False)
    assert answers == [peer(network, context, 6) for context in CONTEXTS]


def test_finished_rows_leave_the_batch_and_the_rest_go_on(model_folder):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    full = [peer(network, context, 6) for context in CONTEXTS]
    stop = full[1][2]
    answers = decode(
        network, CONTEXTS, Sampling(max_new_tokens=6), is_stop=lambda ids: ids[-1] == stop
    )
    expected = [row[: row.index(stop) + 1] if stop in row else row for row in full]
    assert answers == expected


@pytest.mark.parametrize(("family", "has_window"), [("gpt2", True), ("llama", True), ("t5", False)])
def test_an_answer_ends_where_the_window_does(family, has_window, model_folder):
    model = HuggingFace(path=str(model_folder(family))).load()
    prompts = [Prompt("why? " * 20), Prompt("why?")]
    said = model.generate(prompts, Sampling(max_new_tokens=300, seed=1))
    sizes = [len(model.encode(prompt)[0]) for prompt in prompts]
    assert sizes[0] > 100
    assert [a.num_new_tokens for a in said] == [256 - n if has_window else 300 for n in sizes]
    short = model.generate(prompts[:1], Sampling(max_new_tokens=20))[0]
    assert said[0].text.startswith(short.text)


def test_same_seed_same_answers(model_folder):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    sampling = Sampling(max_new_tokens=8, temperature=1.0, seed=3)
    first, second = (
        decode(network, CONTEXTS, sampling, is_stop=lambda ids: False) for _ in range(2)
    )
    other = decode(
        network, CONTEXTS, sampling.model_copy(update={"seed": 4}), is_stop=lambda ids: False
    )
    assert first == second
    assert first != other
