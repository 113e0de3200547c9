"""QLoRA: four bits below, an update on top; the base stays in float and whole."""

import copy
import sys

import pytest
import torch

from acclimate.core.catalogue import METHODS
from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import MissingExtraError
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.tuning.qlora import QLoRA
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.quantization.nf4 import quantize
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the answer") for i in range(8))
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
METHOD = QLoRA(rank=2, alpha=6.0, learning_rate=1e-2, training=TrainingSettings(num_epochs=2))
IDS = torch.tensor([[5, 9, 77, 300]])

CONTRACT = {
    "training.patience": {
        "value": 1,
        "beside": {"learning_rate": 1e-30},
        "why": "of large ones dev gets better",
    },
}


def logits(network):
    extra = {"decoder_input_ids": IDS} if network.config.is_encoder_decoder else {}
    with torch.inference_mode():
        return network(input_ids=IDS, **extra).logits


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_before_training_it_is_the_rounded_base(family, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    begun = METHOD.with_adapter(base, TrainData()).network
    rounded = quantize(copy.deepcopy(base.network))
    assert torch.allclose(logits(begun), logits(rounded), atol=1e-6)
    assert not torch.allclose(logits(begun), logits(base.network), atol=1e-3)


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_merged_is_in_full_precision_and_answers_the_same(family, model_folder, tmp_path):
    base = HuggingFace(path=str(model_folder(family))).load()
    tuned = METHOD.fit(base, DATA, seed=0)
    merged = tuned.adapter.merged()
    assert torch.allclose(logits(merged), logits(tuned.network), atol=1e-4)
    assert {p.dtype for p in merged.parameters()} == {torch.float32}
    # It is an ordinary model: what follows may tune and save all of it.
    save_model(tuned.with_network(merged), tmp_path)
    assert torch.allclose(logits(load_model(tmp_path).network), logits(merged), atol=1e-6)


def test_the_base_stays_in_float(tiny):
    before = {name: p.clone() for name, p in tiny.network.named_parameters()}
    METHOD.fit(tiny, DATA, seed=0)
    after = dict(tiny.network.named_parameters())
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {p.dtype for p in after.values()} == {torch.float32}


def test_memory_is_told_as_counted_by_hand(tiny):
    with collect_log() as book:
        METHOD.with_adapter(tiny, TrainData())
    network = tiny.network
    weights = {p.data_ptr(): p.numel() for p in network.parameters()}
    layers = [m.weight.numel() for n, m in network.named_modules() if n.endswith("_proj")]
    before = 4 * sum(weights.values())
    # Half a byte a weight, a byte a block of 64; the scales' own tables are below a kilobyte each.
    least = before - sum(4 * n - n / 2 - n / 64 for n in layers)
    facts = book.facts
    assert facts["weights of the base, MB"] == pytest.approx(before / 1e6)
    after = facts["weights of the base in four bits, MB"] * 1e6
    assert least <= after <= least + 1300 * len(layers)
    assert facts["share of the base's memory saved"] == pytest.approx(1 - after / before)


def test_saved_and_loaded_it_is_rounded_the_same(tiny, tmp_path):
    tuned = METHOD.fit(tiny, DATA, seed=0)
    save_model(tuned, tmp_path, outside=tiny)
    again = load_model(tmp_path, outside=tiny)
    assert torch.equal(logits(again.network), logits(tuned.network))


def test_without_the_library_the_extra_is_named(monkeypatch):
    for name in ("acclimate.methods.tuning.qlora", "acclimate.nn.quantization.nf4"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(MissingExtraError, match=r"acclimate\[quant\]"):
        METHODS.load("qlora")
