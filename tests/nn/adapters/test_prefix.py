"""Prefixes give what PEFT's own forward gives, in every way that our loops call a network."""

import copy

import pytest
import torch
from peft import PeftModel
from transformers import DynamicCache

from acclimate.core.errors import NotApplicableError
from acclimate.inference.scoring.teacher_forcing import encode_prefix, expanded
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.prefix import (
    KeysValues,
    Prefixed,
    PrefixShape,
    flattened,
    read_text,
    widened,
)
from acclimate.nn.adapters.prefix_adapter import PrefixAdapter
from acclimate.nn.adapters.virtual_tokens import EncoderPrompted, VirtualTokens

DECODERS = ["llama", "qwen3", "gpt2", "gemma2", "mistral"]
NUM = 5


def base(model_folder, family):
    return HuggingFace(path=str(model_folder(family))).load()


def keys_values(network):
    """Keys and values drawn at random."""
    shape = PrefixShape.of(read_text(network, [0]))
    torch.manual_seed(1)
    num_layers, num_heads, head_dim = shape
    return KeysValues(torch.randn(NUM, 2 * num_layers * num_heads * head_dim), shape)


def virtual_tokens(network):
    """Embeddings drawn at random."""
    torch.manual_seed(1)
    return VirtualTokens(torch.randn(NUM, network.get_input_embeddings().weight.shape[1]))


KINDS = pytest.mark.parametrize("kind", [keys_values, virtual_tokens])


def adapter_and_peft(model, kind, folder):
    """Ours, and PEFT's model of the folder that ours writes."""
    adapter = PrefixAdapter(model.shared_copy(), kind(model.network))
    adapter.network.eval().requires_grad_(False)
    adapter.write(folder)
    return adapter.network, PeftModel.from_pretrained(copy.deepcopy(model.network), folder).eval()


def ids(*shape, seed=0):
    return torch.randint(2, 400, shape, generator=torch.Generator().manual_seed(seed))


@KINDS
@pytest.mark.parametrize("family", DECODERS)
@torch.no_grad()
def test_equals_peft(family, kind, model_folder, tmp_path):
    ours, theirs = adapter_and_peft(base(model_folder, family), kind, tmp_path)
    rows = ids(2, 9)
    expected = theirs(input_ids=rows).logits[:, -9:]
    assert torch.allclose(ours(input_ids=rows).logits, expected, atol=1e-5)
    mask = torch.ones_like(rows)
    assert torch.allclose(ours(input_ids=rows, attention_mask=mask).logits, expected, atol=1e-5)
    places = torch.arange(9)[None].expand(2, -1)
    found = ours(input_ids=rows, position_ids=places, use_cache=False).logits
    assert torch.allclose(found, expected, atol=1e-5)
    plain = base(model_folder, family).network(input_ids=rows).logits
    assert not torch.allclose(plain, expected, atol=1e-2)


@KINDS
@torch.no_grad()
def test_equals_peft_in_an_encoder_decoder(kind, model_folder, tmp_path):
    ours, theirs = adapter_and_peft(base(model_folder, "t5"), kind, tmp_path)
    given = {"input_ids": ids(2, 9), "decoder_input_ids": ids(2, 4, seed=1)}
    given["attention_mask"] = torch.ones(2, 9, dtype=torch.long)
    given["attention_mask"][1, 6:] = 0
    expected = theirs(**given).logits
    assert torch.allclose(ours(**given).logits, expected, atol=1e-5)
    # As our decoding loop goes: the encoder by itself, then the decoder.
    rows, mask = given.pop("input_ids"), given["attention_mask"]
    encoded = ours.get_encoder()(input_ids=rows, attention_mask=mask)
    assert torch.allclose(ours(encoder_outputs=encoded, **given).logits, expected, atol=1e-5)
    # Which pads on the left.
    left, given["attention_mask"] = torch.stack([rows[0], rows[1].roll(3)]), mask.flip(1)
    found = ours(input_ids=left, **given).logits
    assert torch.allclose(found, expected, atol=1e-5)


@KINDS
@pytest.mark.parametrize("family", DECODERS)
@torch.no_grad()
def test_a_cache_and_padding_on_the_left_change_nothing(family, kind, model_folder, tmp_path):
    ours, theirs = adapter_and_peft(base(model_folder, family), kind, tmp_path)
    shared, own = ids(6).tolist(), [ids(4, seed=1).tolist(), ids(2, seed=2).tolist()]
    cache = expanded(encode_prefix(ours, shared), 2)
    rows = torch.tensor([own[0], [0, 0, *own[1]]])
    mask = torch.ones(2, 10, dtype=torch.long)
    mask[1, 6:8] = 0
    places = (mask.cumsum(-1) - 1)[:, -4:]
    call = {"past_key_values": cache, "use_cache": True}
    found = ours(input_ids=rows, attention_mask=mask, position_ids=places, **call).logits[:, -1]
    # One token more, as decoding adds it.
    mask = torch.cat([mask, torch.ones(2, 1, dtype=torch.long)], 1)
    places = mask.sum(-1, keepdim=True) - 1
    more = torch.tensor([[7], [8]])
    then = ours(input_ids=more, attention_mask=mask, position_ids=places, **call).logits[:, -1]
    for b in range(2):
        whole = torch.tensor([[*shared, *own[b], int(more[b])]])
        expected = theirs(input_ids=whole).logits[0]
        assert torch.allclose(found[b], expected[-2], atol=1e-4)
        assert torch.allclose(then[b], expected[-1], atol=1e-4)


@KINDS
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_packed_rows_and_their_gradients_are_those_of_rows_apart(family, kind, model_folder):
    model = base(model_folder, family)
    network = PrefixAdapter(model.shared_copy(), kind(model.network)).network.eval()
    learned = network.prefix.start if kind is keys_values else network.prefix.weight
    learned.requires_grad_(True)
    first, second = ids(1, 4), ids(1, 3, seed=1)
    seen = torch.block_diag(torch.ones(4, 4), torch.ones(3, 3)).tril().bool()
    mask = torch.zeros(1, 1, 7, 7).masked_fill_(~seen, torch.finfo(torch.float32).min)
    places = torch.tensor([[0, 1, 2, 3, 0, 1, 2]])
    packed = {"input_ids": torch.cat([first, second], 1), "position_ids": places}
    together = network(**packed, attention_mask=mask, use_cache=False).logits[0]
    apart = torch.cat([network(input_ids=x, use_cache=False).logits[0] for x in (first, second)])
    assert torch.allclose(together, apart, atol=1e-5)
    if family != "gemma2":  # whose attention adds its mask
        as_truth = network(**packed, attention_mask=seen[None, None], use_cache=False).logits[0]
        assert torch.allclose(as_truth, apart, atol=1e-5)
    grads = [torch.autograd.grad(x.square().sum(), learned)[0] for x in (together, apart)]
    assert grads[0].abs().max() > 0
    assert torch.allclose(grads[0], grads[1], rtol=1e-3, atol=1e-3 * float(grads[0].abs().max()))


@pytest.mark.parametrize("family", ["mistral", "gemma2"])
@torch.no_grad()
def test_it_slides_out_of_a_window_as_tokens_do(family, model_folder, tmp_path):
    ours, theirs = adapter_and_peft(base(model_folder, family), keys_values, tmp_path)
    rows = ids(1, 230)
    expected = theirs(input_ids=rows).logits
    assert torch.allclose(ours(input_ids=rows).logits, expected, atol=1e-4)


@KINDS
@torch.no_grad()
def test_the_prefix_of_a_text_is_the_text(kind, tiny):
    network, text = tiny.network, ids(NUM)
    layers = read_text(network, text.tolist())
    prefix = KeysValues(flattened(layers), PrefixShape.of(layers))
    if kind is virtual_tokens:
        prefix = VirtualTokens(network.get_input_embeddings()(text).clone())
    rows = ids(1, 6, seed=3)
    found = Prefixed(tiny.shared_copy(), prefix)(input_ids=rows).logits
    expected = network(input_ids=torch.cat([text[None], rows], 1)).logits[:, NUM:]
    assert torch.allclose(found, expected, atol=1e-5)


@torch.no_grad()
def test_one_prefix_goes_before_another(tiny):
    texts, rows = (ids(4, seed=5), ids(NUM)), ids(1, 6, seed=3)
    embed = tiny.network.get_input_embeddings()
    inner = Prefixed(tiny.shared_copy(), VirtualTokens(embed(texts[0]).clone()))
    layers = read_text(inner, texts[1].tolist())
    both = Prefixed(inner, KeysValues(flattened(layers), PrefixShape.of(layers))).eval()
    expected = tiny.network(input_ids=torch.cat([*texts, rows[0]])[None]).logits[:, -6:]
    assert torch.allclose(both(input_ids=rows).logits, expected, atol=1e-5)
    assert both.num_virtual_tokens == 9


@torch.no_grad()
def test_one_prefix_goes_before_another_in_an_encoder(model_folder):
    network = base(model_folder, "t5").network
    texts, rows = (ids(4, seed=5), ids(NUM)), ids(1, 6, seed=3)
    embed = network.get_input_embeddings()
    both = network
    for text in texts:  # the last one put on stands next to the rows
        both = EncoderPrompted(both, VirtualTokens(embed(text).clone())).eval()
    start = torch.tensor([[1]])
    whole = torch.cat([*texts, rows[0]])[None]
    expected = network(input_ids=whole, decoder_input_ids=start).logits
    padded = torch.cat([torch.zeros(1, 2, dtype=torch.long), rows], dim=1)
    mask = torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1]])
    for given in ({"input_ids": rows}, {"input_ids": padded, "attention_mask": mask}):
        assert torch.allclose(both(decoder_input_ids=start, **given).logits, expected, atol=1e-5)


@torch.no_grad()
def test_what_is_known_is_not_carried_into_another_network(tiny):
    network = PrefixAdapter(tiny.shared_copy(), virtual_tokens(tiny.network)).network.eval()
    network.requires_grad_(False)
    rows = ids(1, 6)
    network(input_ids=rows)
    other = copy.deepcopy(network)
    other.network.model.layers[0].self_attn.v_proj.weight.mul_(2.0)
    fresh = PrefixAdapter(other.network, virtual_tokens(tiny.network)).network.eval()
    assert torch.equal(other(input_ids=rows).logits, fresh(input_ids=rows).logits)


def test_it_passes_for_the_network_inside(tiny):
    network = Prefixed(tiny.shared_copy(), keys_values(tiny.network))
    assert network.config is network.network.config
    assert network.dtype == torch.float32
    assert network.num_parameters() == tiny.network.num_parameters()
    assert network.get_output_embeddings() is network.network.lm_head
    with pytest.raises(AttributeError, match=r"LlamaForCausalLM.*nonsense"):
        _ = network.nonsense


def test_masks_are_widened_by_what_everybody_sees():
    least = torch.finfo(torch.float32).min
    assert widened(torch.tensor([[0, 1]]), 2).tolist() == [[1, 1, 0, 1]]
    assert widened(torch.tensor([[[[0.0, least]]]]), 1).tolist() == [[[[0.0, 0.0, least]]]]
    assert widened(torch.tensor([[[[False, True]]]]), 1).tolist() == [[[[True, False, True]]]]


def test_layers_of_different_shape_are_refused():
    pair, wider = ((torch.zeros(1, 2, 1, width),) * 2 for width in (4, 8))
    with pytest.raises(NotApplicableError, match="2 heads of 4, 2 heads of 8"):
        PrefixShape.of([pair, wider])
    assert PrefixShape.of([pair, pair]) == (2, 2, 4)


def test_an_empty_cache_is_filled_and_a_full_one_is_not(tiny):
    network = Prefixed(tiny.shared_copy(), keys_values(tiny.network))
    cache = DynamicCache()
    network(input_ids=ids(1, 3), past_key_values=cache, use_cache=True)
    assert cache.get_seq_length() == NUM + 3
    network(input_ids=ids(1, 1), past_key_values=cache, use_cache=True)
    assert cache.get_seq_length() == NUM + 4
