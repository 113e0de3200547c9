"""The lean decoder says what the network says, and knows where it is not the network."""

import copy

import pytest
import torch
import transformers

from acclimate.nn.decoder.fast_decoder import FastDecoder
from acclimate.nn.decoder.kv_cache import KVCache
from acclimate.nn.decoder.layer import JoinedLayer, OwnLayer
from acclimate.nn.decoder.supported import can_copy, can_run
from acclimate.nn.fast_linear import use_fast_linears

FAMILIES = ("llama", "qwen3", "mistral")
NUM_NEW = 12
PROMPTS = torch.arange(5, 5 + 3 * 9).reshape(3, 9) * 7 % 400


@pytest.fixture(params=FAMILIES)
def network(request, model_folder):
    made = transformers.AutoModelForCausalLM.from_pretrained(model_folder(request.param))
    made.generation_config.eos_token_id = None
    return made.eval()


def greedy(decoder, prompts, lengths=None):
    """Tokens after prompts of one width, or of the first `lengths` tokens of each."""
    num_rows, width = prompts.shape
    lengths = lengths or [width] * num_rows
    cache, places = KVCache(num_rows), torch.arange(width).expand(num_rows, width)
    last = torch.tensor(lengths) - 1
    with torch.inference_mode():
        logits = decoder.logits(prompts, places, cache, last=last)
        cache.settle([width - length for length in lengths])
        found = []
        for step in range(NUM_NEW):
            found.append(logits.argmax(-1))
            at = torch.tensor(lengths)[:, None] + step  # (B, 1)
            seen = torch.arange(max(lengths) + step + 1) <= at[:, None, None]  # (B, 1, 1, S)
            mask = torch.zeros(seen.shape).masked_fill_(~seen, torch.finfo(torch.float32).min)
            logits = decoder.logits(found[-1][:, None], at, cache, (mask, ()))[:, -1]
            cache.settle()
    return torch.stack(found, 1)


def generated(network, prompt):
    """What transformers writes after one prompt (T,)."""
    rows = prompt[None]
    how = {"attention_mask": torch.ones_like(rows), "pad_token_id": 1, "do_sample": False}
    return network.generate(rows, max_new_tokens=NUM_NEW, **how)[0, len(prompt) :]


@pytest.mark.parametrize("copies", [True, False])
def test_greedy_tokens_are_those_of_generate(network, copies):
    decoder = FastDecoder(network, copies=copies)
    lengths = [9, 4, 7]
    expected = [
        generated(network, row[:length]) for row, length in zip(PROMPTS, lengths, strict=True)
    ]
    assert torch.equal(greedy(decoder, PROMPTS, lengths), torch.stack(expected))
    for row, length, own in zip(PROMPTS, lengths, expected, strict=True):
        assert torch.equal(greedy(decoder, row[None, :length])[0], own)


@pytest.mark.parametrize("copies", [True, False])
def test_logits_of_all_tokens_at_once_and_one_by_one(network, copies):
    decoder, places = FastDecoder(network, copies=copies), torch.arange(9).expand(3, 9)
    with torch.inference_mode():
        expected = network(PROMPTS).logits
        whole = decoder.logits(PROMPTS, places, KVCache(3))
        assert torch.allclose(whole, expected, rtol=1e-5, atol=1e-5)
        cache = KVCache(3)
        for t in range(9):
            one = decoder.logits(PROMPTS[:, t : t + 1], places[:, t : t + 1], cache)
            cache.settle()
            assert torch.allclose(one[:, 0], expected[:, t], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_bias": True, "mlp_bias": True},
        {"tie_word_embeddings": True},
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}},
        {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 500.0}},
        {"num_key_value_heads": 1},
        {"rms_norm_eps": 0.5},
        {"hidden_size": 512, "intermediate_size": 2048},  # matrices in oneDNN's layout alone
    ],
    ids=("biases", "tied", "linear", "yarn", "one_key_head", "wide_floor", "large"),
)
def test_configurations(changes):
    sizes = {"vocab_size": 100, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**{**sizes, **heads, **changes})
    network = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        expected = network(PROMPTS % 100).logits
    decoder, places = FastDecoder.of(network), torch.arange(9).expand(3, 9)
    assert isinstance(decoder.layers[0], JoinedLayer)
    with torch.inference_mode():
        found = decoder.logits(PROMPTS % 100, places, KVCache(3))
        one = decoder.logits(PROMPTS[:1, :1] % 100, places[:1, :1], KVCache(1))
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert torch.allclose(one[0, 0], expected[0, 0], rtol=1e-4, atol=1e-5)


def test_copies_follow_the_weights(network):
    before = FastDecoder.of(network)
    assert FastDecoder.of(network) is before
    with torch.no_grad():
        network.model.layers[1].mlp.down_proj.weight.mul_(1.5)
    after = FastDecoder.of(network)
    assert after is not before
    places = torch.arange(9).expand(3, 9)
    with torch.inference_mode():
        found = after.logits(PROMPTS, places, KVCache(3))
        assert torch.allclose(found, network(PROMPTS).logits, rtol=1e-5, atol=1e-5)


def logits_of(network):
    """Of the prompts, through its lean decoder; and those of the network."""
    decoder, places = FastDecoder.of(network), torch.arange(9).expand(3, 9)
    with torch.inference_mode():
        return decoder.logits(PROMPTS, places, KVCache(3)), network(PROMPTS).logits


def adapted(network, **how):
    """A PEFT model of a network."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(target_modules="all-linear", init_lora_weights=False, **how)
    return get_peft_model(use_fast_linears(network), config).eval()


def test_lora_becomes_part_of_the_copies(network):
    model = adapted(network, lora_alpha=16)
    inner = model.get_base_model()
    assert isinstance(FastDecoder.of(inner).layers[0], JoinedLayer)
    found, expected = logits_of(inner)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)
    with model.disable_adapter():
        off, plain = logits_of(inner)
        assert torch.allclose(off, plain, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(off, found, rtol=1e-2, atol=1e-2)
    again, _ = logits_of(inner)
    assert torch.equal(again, found)


@pytest.mark.filterwarnings("ignore:.lora_bias")
@pytest.mark.parametrize("how", [{"use_dora": True}, {"lora_bias": True}], ids=("dora", "biases"))
def test_other_adapters_are_called(network, how):
    inner = adapted(network, **how).get_base_model()
    assert isinstance(FastDecoder.of(inner).layers[0], OwnLayer)
    found, expected = logits_of(inner)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_merged_adapters_are_called(network):
    model = adapted(network)
    expected = model(PROMPTS).logits
    model.merge_adapter()
    assert isinstance(FastDecoder.of(model.get_base_model()).layers[0], OwnLayer)
    found, _ = logits_of(model.get_base_model())
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def hook(network):
    network.model.layers[0].register_forward_hook(lambda *_: None)


def other_forward(network):
    network.lm_head.forward = lambda x: x


def other_class(network):
    network.model.layers[1].mlp = torch.nn.Sequential(network.model.layers[1].mlp)


def other_turn(network):
    network.config.rope_parameters = {**network.config.rope_parameters, "rope_type": "dynamic"}


def other_activation(network):
    network.config.hidden_act = "gelu"


def two_kinds_of_layers(network):
    network.config.layer_types = ["full_attention", "sliding_attention"]


def half(network):
    network.bfloat16()


def training(network):
    network.train()


@pytest.mark.parametrize(
    "change",
    [
        *(hook, other_forward, other_class, other_turn, other_activation),
        *(two_kinds_of_layers, half, training),
    ],
    ids=lambda change: change.__name__,
)
def test_other_networks_are_left_to_themselves(network, change):
    assert can_run(network)
    other = copy.deepcopy(network)
    change(other)
    assert FastDecoder.of(other) is None


@pytest.mark.parametrize("family", ["gemma2", "gpt2", "t5"])
def test_other_families_are_left_to_themselves(model_folder, family):
    auto = transformers.AutoModelForSeq2SeqLM if family == "t5" else None
    auto = auto or transformers.AutoModelForCausalLM
    assert FastDecoder.of(auto.from_pretrained(model_folder(family))) is None


def test_adapters_on_large_networks_are_called(network, monkeypatch):
    inner = adapted(network).get_base_model()
    assert can_copy(inner)
    monkeypatch.setattr("acclimate.nn.decoder.supported.SMALL_PARAMS", 100)
    assert not can_copy(inner)
    found, expected = logits_of(inner)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_large_networks_are_not_copied(network, monkeypatch):
    assert can_copy(network)
    monkeypatch.setattr("acclimate.nn.decoder.supported.MAX_COPIED_PARAMS", 100)
    assert not can_copy(network)
    assert isinstance(FastDecoder.of(network).layers[0], OwnLayer)
