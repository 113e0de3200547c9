"""LoRA: starts at the base exactly, is W + (alpha/r) B A, and its folder is PEFT's."""

import copy

import pytest
import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.rewriter import unwrap
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.tuning.lora import LoRA
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the answer") for i in range(8))
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
METHOD = LoRA(rank=2, alpha=6.0, learning_rate=1e-2, training=TrainingSettings(num_epochs=2))
IDS = torch.tensor([[5, 9, 77, 300]])


def logits(model):
    with torch.inference_mode():
        return unwrap(model).core.network(input_ids=IDS).logits


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_before_training_it_is_the_base(family, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    extra = {"decoder_input_ids": IDS} if family == "t5" else {}
    with torch.inference_mode():
        begun = METHOD.with_adapter(base, TrainData()).network(input_ids=IDS, **extra).logits
        assert torch.equal(begun, base.network(input_ids=IDS, **extra).logits)


def test_the_update_is_alpha_over_rank_b_a(tiny):
    tuned = METHOD.fit(tiny, DATA, seed=0)
    merged = copy.deepcopy(tiny.network)
    for name, module in tuned.network.named_modules():
        if hasattr(module, "lora_A"):
            update = module.lora_B["default"].weight @ module.lora_A["default"].weight
            merged.get_submodule(name).weight.data += 6.0 / 2 * update
    with torch.inference_mode():
        assert torch.allclose(logits(tuned), merged(input_ids=IDS).logits, atol=1e-5)
    assert not torch.allclose(logits(tuned), logits(tiny), atol=1e-3)


def test_only_the_adapter_is_trained_and_the_base_stays(tiny):
    before = [p.clone() for p in tiny.network.parameters()]
    tuned = METHOD.fit(tiny, DATA, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, tiny.network.parameters(), strict=True))
    own = dict(tiny.network.named_parameters())
    for name, weight in tuned.network.named_parameters():
        if "lora_" not in name:
            assert weight is own[name.replace(".base_layer", "")]


def test_the_folder_loads_with_peft(tiny, tmp_path):
    from peft import PeftModel

    tuned = METHOD.fit(tiny, DATA, seed=0)
    save_model(tuned, tmp_path, outside=tiny)
    network = PeftModel.from_pretrained(copy.deepcopy(tiny.network), tmp_path).eval()
    with torch.inference_mode():
        assert torch.allclose(network(input_ids=IDS).logits, logits(tuned), atol=1e-6)


def test_saved_whole_it_stands_alone(tiny, tmp_path):
    tuned = METHOD.fit(tiny, DATA, seed=0)
    save_model(tuned, tmp_path)
    assert torch.allclose(logits(load_model(tmp_path)), logits(tuned), atol=1e-6)


def test_on_top_of_an_adapter_the_first_is_merged(tiny):
    first = METHOD.fit(tiny, DATA, seed=0)
    started = METHOD.with_adapter(first, TrainData())
    assert torch.allclose(logits(started), logits(first), atol=1e-5)
    assert "lora_A" in "".join(name for name, _ in first.network.named_parameters())


def test_target_modules_are_the_ones_that_change(tiny):
    narrow = METHOD.model_copy(update={"target_modules": ("q_proj",)})
    network = narrow.with_adapter(tiny, TrainData()).network
    names = {n.split(".")[-1] for n, m in network.named_modules()
             if hasattr(m, "lora_A")}  # fmt: skip
    assert names == {"q_proj"}


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_merging_keeps_the_outputs_and_unmerging_the_weights(family, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    tuned = METHOD.fit(base, DATA, seed=0)
    extra = {"decoder_input_ids": IDS} if family == "t5" else {}
    own = copy.deepcopy(tuned.adapter.model)
    before = {name: p.clone() for name, p in own.named_parameters()}
    with torch.inference_mode():
        expected = tuned.network(input_ids=IDS, **extra).logits
        merged = tuned.adapter.merged()(input_ids=IDS, **extra).logits
        assert torch.allclose(merged, expected, atol=1e-5)
        own.merge_adapter()
        assert torch.allclose(own(input_ids=IDS, **extra).logits, expected, atol=1e-5)
        changed = [n for n, p in own.named_parameters() if not torch.equal(p, before[n])]
        assert changed
        own.unmerge_adapter()
    for name, weight in own.named_parameters():
        assert torch.allclose(weight, before[name], atol=1e-5), name


def test_rank_stabilised_it_is_scaled_by_the_root_of_the_rank(tiny):
    stable = METHOD.model_copy(update={"rank": 4, "is_rank_stabilized": True})
    scales = {
        m.scaling["default"]
        for m in stable.with_adapter(tiny, TrainData()).network.modules()
        if hasattr(m, "lora_A")
    }
    assert scales == {6.0 / 4**0.5}


def test_b_learns_at_its_own_rate(tiny):
    def steps(ratio):
        """How far A and B of a layer go in one step of Adam, which is as long as the rate."""
        once = TrainingSettings(num_epochs=1, batch_size=8, weight_decay=0.0, warmup_share=0.0)
        method = METHOD.model_copy(update={"b_rate_ratio": ratio, "training": once})
        # No dev: the best weights are the last.
        layer = method.fit(tiny, DATA, seed=0).network.model.layers[1].self_attn.v_proj
        return layer.lora_A["default"].weight, layer.lora_B["default"].weight

    (a, b), (same_a, b_plus) = steps(1.0), steps(16.0)
    assert torch.allclose(b_plus, 16 * b, rtol=1e-3)
    assert b.abs().max() == pytest.approx(METHOD.learning_rate, rel=1e-2)
    assert torch.equal(a, same_a)
