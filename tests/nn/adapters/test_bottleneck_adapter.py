"""Bottlenecks find their places in every family, stack with LoRA, and are read as written."""

import json

import pytest
import torch

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.prompt import Prompt
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.tuning.lora import LoRA
from acclimate.methods.tuning.prompt_tuning import PromptTuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.bottleneck import BottleneckForm
from acclimate.nn.adapters.bottleneck_adapter import BottleneckAdapter

FAMILIES = ["llama", "qwen3", "mistral", "gemma2", "gpt2", "t5"]
FORMS = {
    "pfeiffer": BottleneckForm(),
    "houlsby": BottleneckForm(has_attention=True),
    "parallel": BottleneckForm(is_parallel=True, reduction=2, scale=4.0),
}
IDS = torch.tensor([[5, 9, 77, 300]])
PAIRS = [(Prompt(question="what is it?"), "the answer"), (Prompt(question="who?"), "a passage")]


def put_on(model, form, *, is_new=False):
    """The model with an adapter on it: a new one, or one that does something."""
    adapted = model.adapted(lambda network: BottleneckAdapter.new(network, form))
    if not is_new:
        stir(weight for p in adapted.adapter.sites.values() for weight in p.parameters())
    return adapted


def with_lora(model):
    adapted = LoRA(rank=2).with_adapter(model, TrainData())
    stir(w for name, w in adapted.network.named_parameters() if "lora_B" in name)
    adapted.network.eval()
    return adapted


def stir(weights):
    torch.manual_seed(1)
    for weight in weights:
        if weight.ndim:
            torch.nn.init.normal_(weight, std=0.2)


def logits(model):
    extra = {"decoder_input_ids": IDS} if model.is_seq2seq else {}
    with torch.inference_mode():
        return model.network(input_ids=IDS, **extra).logits


def weighed(model):
    return [w.logprob for w in model.loglikelihood(PAIRS)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", FAMILIES)
def test_in_every_family_a_new_one_changes_nothing_and_another_does(family, form, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    begun = put_on(base, FORMS[form], is_new=True)
    assert torch.equal(logits(begun), logits(base))
    assert not torch.allclose(logits(put_on(base, FORMS[form])), logits(base), atol=1e-2)
    trained = [n for n, p in begun.network.named_parameters() if p.requires_grad]
    assert trained
    assert all(".bottlenecks." in name for name in trained)


@pytest.mark.parametrize(
    ("family", "places"),
    [
        ("llama", ["model.layers.{}.self_attn", "model.layers.{}.mlp"]),
        ("gpt2", ["transformer.h.{}.attn", "transformer.h.{}.mlp"]),
        (
            "t5",
            [
                "encoder.block.{}.layer.0.SelfAttention",
                "encoder.block.{}.layer.1.DenseReluDense",
                "decoder.block.{}.layer.0.SelfAttention",
                "decoder.block.{}.layer.1.EncDecAttention",
                "decoder.block.{}.layer.2.DenseReluDense",
            ],
        ),
    ],
)
def test_places(family, places, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    both = put_on(base, FORMS["houlsby"]).adapter.sites
    assert set(both) == {place.format(block) for place in places for block in range(2)}
    narrow = put_on(base, FORMS["pfeiffer"]).adapter.sites
    assert set(narrow) == {name for name in both if "ttention" not in name and "attn" not in name}


def test_a_layer_reads_and_says_what_the_formula_wants(tiny):
    """The whole feed-forward layer of a network, by hand around its own weights."""
    for form in (FORMS["pfeiffer"], FORMS["parallel"]):
        layer = put_on(tiny, form).network.model.layers[0].mlp
        (place,) = layer.bottlenecks
        x = torch.randn(1, 3, 32)
        with torch.inference_mode():
            said = tiny.network.model.layers[0].mlp(x)
            wanted = place.adapters[0](x, said)
            assert torch.allclose(layer(x), wanted, atol=1e-6)
            assert not torch.allclose(layer(x), said, atol=1e-2)


def test_files_are_of_pefts_shape(tiny, tmp_path):
    from safetensors.torch import load_file

    adapted = put_on(tiny, FORMS["houlsby"])
    save_model(adapted, tmp_path, outside=tiny)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["peft_type"] == "BOTTLENECK"
    saved = load_file(tmp_path / "adapter_model.safetensors")
    layers = {name.partition(".adapters.")[0] for name in saved}
    assert layers == set(adapted.adapter.sites)
    assert sum(t.numel() for t in saved.values()) < 1000
    assert torch.equal(logits(load_model(tmp_path, outside=tiny)), logits(adapted))


CHAINS = {
    "bottleneck, lora": lambda base: with_lora(put_on(base, FORMS["houlsby"])),
    "lora, bottleneck": lambda base: put_on(with_lora(base), FORMS["houlsby"]),
    "bottleneck, parallel": lambda base: put_on(put_on(base, FORMS["pfeiffer"]), FORMS["parallel"]),
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_one_on_top_of_another(family, chain, model_folder, tmp_path):
    base = HuggingFace(path=str(model_folder(family))).load()
    both = CHAINS[chain](base)
    assert not torch.allclose(logits(both), logits(base), atol=1e-2)
    for outside in (base, None):
        folder = tmp_path / str(bool(outside))
        save_model(both, folder, outside=outside)
        assert weighed(load_model(folder, outside=outside)) == weighed(both)


def test_lora_on_top_wraps_the_networks_own_layers_alone(tiny):
    first = put_on(tiny, FORMS["houlsby"])
    both = LoRA(rank=2).with_adapter(first, TrainData())
    assert torch.equal(logits(both), logits(first))
    wrapped = [n for n, m in both.network.named_modules() if hasattr(m, "lora_A")]
    assert len(wrapped) == 7 * 2
    assert not any("bottlenecks" in name for name in wrapped)
    trained = [n for n, p in both.network.named_parameters() if p.requires_grad]
    assert all("lora_" in name for name in trained)


def test_what_cannot_be_merged_is_not_lost_below_what_can(tiny):
    both = with_lora(put_on(tiny, FORMS["pfeiffer"]))
    with pytest.raises(NotApplicableError, match="BottleneckAdapter"):
        both.owned_copy()
    with pytest.raises(NotApplicableError, match="BottleneckAdapter"):
        with_lora(both)


@pytest.mark.parametrize(("family", "is_refused"), [("llama", True), ("t5", False)])
def test_tasks_cannot_share_virtual_tokens_that_adapters_read(family, is_refused, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    prompted = PromptTuning(num_virtual_tokens=4).with_adapter(base, TrainData())
    put_on(prompted, BottleneckForm())
    if is_refused:
        with pytest.raises(NotApplicableError, match="take prefix_tuning instead"):
            put_on(prompted, BottleneckForm(tasks=("a", "b")))
    else:
        put_on(prompted, BottleneckForm(tasks=("a", "b")))


def test_no_place_is_said_with_what_there_is():
    import transformers

    config = transformers.OPTConfig(
        vocab_size=40, hidden_size=8, ffn_dim=8, num_hidden_layers=2, num_attention_heads=2,
        word_embed_proj_dim=8, max_position_embeddings=16,
    )  # fmt: skip
    network = transformers.OPTForCausalLM(config)
    with pytest.raises(
        NotApplicableError, match=r"OPTDecoderLayer .* OPTAttention, Linear, Linear"
    ):
        BottleneckAdapter.new(network, FORMS["pfeiffer"])
