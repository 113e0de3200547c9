"""Guessing ahead changes no answer, however it is drawn, ended, batched or told."""

import copy
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from scipy.stats import chi2

from acclimate.core.errors import BackendError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.cost import metered
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.inference.cache_settings import CacheSettings
from acclimate.inference.engine.draft_length import Speculation
from acclimate.inference.engine.engine import engine_of
from acclimate.inference.generate import decode, prefill_logits
from acclimate.inference.sampling.speculative_acceptance import StepTimes
from acclimate.inference.speculative.speculative_model import SpeculativeModel, drafter_of
from acclimate.models.local.huggingface import HuggingFace

FREE = StepTimes(0.0, ((1, 1.0),))
"""Nothing costs anything: every row always guesses."""
PROMPTS = [
    Prompt("what is the answer? the answer is in the passage. the answer is"),
    Prompt("the passage", template="{{ question }}"),
    Prompt("answer " * 20),
    Prompt("why?"),
]
WAYS = {
    "greedy": {},
    "drawn": {"temperature": 1.0, "top_p": 0.95, "seed": 3},
    "penalty": {"repetition_penalty": 1.3},
    "told": {"logprobs": 2},
    "stopped": {"stop": ("e", "th")},
    "chosen": {"choice": ("the answer", "the passage is", "no")},
    "regex": {"regex": "(the |is |in ){3,9}", "temperature": 0.7},
}


def guessing(model, draft=None, num=5):
    how = Speculation(drafter_of(draft, (3, 1)), (num,), 1.0, FREE)
    return SpeculativeModel(model, how, draft)


def alike(one, other):
    """Answers the same but for the last digits of what is told of them."""
    for a, b in zip(one, other, strict=True):
        assert (a.text, a.num_new_tokens, a.is_cut) == (b.text, b.num_new_tokens, b.is_cut)
        assert [t.text for t in a.tokens] == [t.text for t in b.tokens]
        told = [t.logprob for t in b.tokens]
        assert [t.logprob for t in a.tokens] == pytest.approx(told, abs=1e-3)


@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral", "gemma2", "gpt2"])
def test_greedy_answers_are_the_same_alone_and_in_a_batch(family, model_folder):
    model = HuggingFace(path=str(model_folder(family))).load()
    sampling = Sampling(max_new_tokens=40)
    ahead = guessing(model)
    plain = model.generate(PROMPTS, sampling)
    alike(ahead.generate(PROMPTS, sampling), plain)
    for prompt, expected in zip(PROMPTS, plain, strict=True):
        alike(ahead.generate([prompt], sampling), [expected])
    assert ahead.speculation.stats.num_kept > 10


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_drafted", [False, True], ids=["looked up", "drafted"])
def test_answers_are_the_same_however_they_are_drawn(way, is_drafted, tiny):
    sampling = Sampling(max_new_tokens=24, **WAYS[way])
    if is_drafted and sampling.temperature:
        pytest.skip("of the same distribution, which is tested below")
    ahead = guessing(tiny, tiny if is_drafted else None)
    alike(ahead.generate(PROMPTS, sampling), tiny.generate(PROMPTS, sampling))
    assert ahead.speculation.stats.num_drafted > 0


def test_a_draft_of_the_same_network_is_always_right(tiny):
    ahead = guessing(tiny, tiny, num=4)
    ahead.generate(PROMPTS, Sampling(max_new_tokens=21))
    # One token of reading the prompt, then four passes of five.
    assert (
        ahead.speculation.stats.num_kept
        == ahead.speculation.stats.num_drafted
        == 4 * 4 * len(PROMPTS)
    )
    before = ahead.speculation.stats.num_kept
    ahead.generate(PROMPTS[:1], Sampling(max_new_tokens=21, temperature=1.0))
    assert ahead.speculation.stats.num_kept - before == 16


def test_drawn_answers_with_a_draft_are_distributed_as_without(tiny):
    """Chi-square of whole answers of four tokens against the product of the target's chances."""
    ahead, n = guessing(tiny, disturbed(tiny), num=2), 1500
    prompt, (context, _) = PROMPTS[3], tiny.encode(PROMPTS[3])
    sampling = Sampling(max_new_tokens=4, logprobs=0, temperature=1.5, top_k=2)
    drawn = ahead.generate([prompt] * n, sampling)
    counts = Counter(tuple(t.text for t in answer.tokens) for answer in drawn)
    assert 0.1 < ahead.speculation.stats.acceptance < 0.9
    expected = Counter()
    for spelled, chance in chances(tiny, context, 4, n):
        expected[spelled] += chance  # halves of characters are spelled alike
    assert set(counts) <= set(expected)
    found = sum((counts[key] - own) ** 2 / own for key, own in expected.items())
    assert found < chi2.isf(0.001, len(expected) - 1)


def chances(model, context, num, chance):
    """All answers of so many tokens, each the likeliest or the next to it at temperature 1.5."""
    if not num:
        yield (), chance
        return
    best = prefill_logits(model.network, [context])[0].topk(2)
    probs = (best.values / 1.5).softmax(-1).tolist()
    for token, own in zip(best.indices.tolist(), probs, strict=True):
        for rest, whole in chances(model, [*context, token], num - 1, chance * own):
            yield (model.tokenizer.decode([token]), *rest), whole


def disturbed(model):
    """The same network with noise in its weights."""
    torch.manual_seed(0)
    network = copy.deepcopy(model.network)
    for weight in network.parameters():
        weight.data += 0.01 * torch.randn_like(weight)
    return model.with_network(network)


def test_a_stream_is_the_answer(tiny):
    ahead = guessing(tiny)
    for ways in ({}, {"stop": ("th",)}, {"temperature": 1.0}):
        sampling = Sampling(max_new_tokens=40, **ways)
        *pieces, whole = ahead.stream(PROMPTS[0], sampling)
        assert "".join(pieces) == whole.text
        alike([whole], tiny.generate(PROMPTS[:1], sampling))


def test_answers_end_at_a_token_that_is_guessed(model_folder):
    model = HuggingFace(path=str(model_folder("llama"))).load()
    sampling = Sampling(max_new_tokens=40)
    contexts = [model.encode(prompt)[0] for prompt in PROMPTS]
    for at in (6, 11, 17):
        how = {"is_stop": lambda _: False}
        ends = {own[at] for own in decode(model.network, contexts, sampling, **how)}
        model.network.generation_config.eos_token_id = sorted(ends)
        alike(guessing(model).generate(PROMPTS, sampling), model.generate(PROMPTS, sampling))


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_answers_end_where_the_window_does(family, model_folder):
    model = HuggingFace(path=str(model_folder(family))).load()
    prompts, sampling = [PROMPTS[2], PROMPTS[3]], Sampling(max_new_tokens=300)
    alike(guessing(model).generate(prompts, sampling), model.generate(prompts, sampling))


def test_it_goes_with_remembered_prefixes_and_beside_others(model_folder):
    model = HuggingFace(path=str(model_folder("llama"))).load()
    sampling = Sampling(max_new_tokens=24)
    plain, ahead = model.generate(PROMPTS, sampling), guessing(model)
    engine_of(model.network).prefix_bytes = 2**24
    asked = [(m, p) for m in (ahead, model) for p in PROMPTS] * 2
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda own: own[0].generate([own[1]], sampling)[0], asked))
    alike(found, plain * 4)
    again = ahead.generate(PROMPTS, sampling)
    alike(again, plain)
    assert all(answer.num_cached_tokens > 0 for answer in again[:3])


def test_without_keys_and_values_nothing_is_guessed(tiny):
    bare = replace(tiny, cache_settings=CacheSettings(has_key_values=False))
    ahead = guessing(bare)
    sampling = Sampling(max_new_tokens=6)
    alike(ahead.generate(PROMPTS, sampling), tiny.generate(PROMPTS, sampling))
    assert ahead.speculation.stats.num_passes == 0


def test_what_is_guessed_in_vain_is_counted(tiny):
    sampling = Sampling(max_new_tokens=24)
    costs = []
    for model in (tiny, guessing(tiny), guessing(tiny, tiny)):
        with metered() as meter:
            model.generate(PROMPTS[:1], sampling)
        costs.append(meter.cost)
    plain, looked_up, drafted = costs
    assert plain.new_tokens == looked_up.new_tokens == drafted.new_tokens
    assert plain.flops < looked_up.flops
    assert plain.flops < drafted.flops


@pytest.mark.parametrize("is_drafted", [False, True])
def test_saved_and_loaded(is_drafted, tiny, tmp_path):
    ahead = guessing(tiny, tiny if is_drafted else None)
    save_model(ahead, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert again.speculation.pace == ahead.speculation.pace
    assert again.speculation.choices == ahead.speculation.choices
    assert (again.draft is not None) == is_drafted
    alike(again.generate(PROMPTS, Sampling()), tiny.generate(PROMPTS, Sampling()))
    assert again.speculation.stats.num_drafted > 0
    with pytest.raises(BackendError, match="no local network"):
        SpeculativeModel.read(tmp_path, {}, {"inner": again})


def test_what_it_gives_beside_answers_is_the_inner_models(tiny):
    ahead = guessing(tiny)
    pairs = [(PROMPTS[0], "red"), (PROMPTS[1], "seeds")]
    assert ahead.loglikelihood(pairs) == tiny.loglikelihood(pairs)
    assert torch.equal(ahead.next_token_logprobs(PROMPTS), tiny.next_token_logprobs(PROMPTS))
    assert ahead.encode(PROMPTS[0], "red") == tiny.encode(PROMPTS[0], "red")
    assert ahead.capabilities == frozenset({"logprobs"})
    assert ahead.with_network(tiny.network).network is tiny.network
    assert ahead.generate([], Sampling()) == []
