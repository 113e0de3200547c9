"""DoRA: each output's weights have the learned length and LoRA's direction."""

import copy

import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.methods.tuning.dora import DoRA
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the answer") for i in range(8))
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
METHOD = DoRA(rank=2, alpha=6.0, learning_rate=1e-2, training=TrainingSettings(num_epochs=2))
IDS = torch.tensor([[5, 9, 77, 300]])

CONTRACT = {
    "training.patience": {
        "value": 1,
        "beside": {"learning_rate": 1e-30},
        "why": "of large ones dev gets better",
    },
}


def logits(network):
    with torch.inference_mode():
        return network(input_ids=IDS).logits


def test_before_training_it_is_the_base(tiny):
    begun = METHOD.with_adapter(tiny, TrainData()).network
    assert torch.allclose(logits(begun), logits(tiny.network), atol=1e-5)


def test_length_and_direction_are_learned_apart(tiny):
    tuned = METHOD.fit(tiny, DATA, seed=0).network
    expected = copy.deepcopy(tiny.network)
    for name, layer in tuned.named_modules():
        if hasattr(layer, "lora_A"):
            update = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
            weight = expected.get_submodule(name).weight
            length = layer.lora_magnitude_vector["default"].weight  # one an output
            direction = weight.data + 6.0 / 2 * update
            weight.data = length[:, None] * direction / direction.norm(dim=1, keepdim=True)
    assert torch.allclose(logits(tuned), logits(expected), atol=1e-5)
    assert not torch.allclose(logits(tuned), logits(tiny.network), atol=1e-3)


def test_lengths_are_trained(tiny):
    tuned = METHOD.fit(tiny, DATA, seed=0).network
    moved = [
        not torch.allclose(layer.lora_magnitude_vector["default"].weight, own, atol=1e-4)
        for layer in tuned.modules()
        if hasattr(layer, "lora_A")
        for own in [layer.base_layer.weight.norm(dim=1)]
    ]
    assert moved
    assert all(moved)


def test_merging_keeps_the_outputs(tiny):
    tuned = METHOD.fit(tiny, DATA, seed=0)
    assert torch.allclose(logits(tuned.adapter.merged()), logits(tuned.network), atol=1e-5)
