"""Zero rows of weights go through DoRA, its training and its merging as zeros."""

import copy

import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.tuning.dora import DoRA
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the answer") for i in range(4))
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
METHOD = DoRA(rank=2, learning_rate=1e-2, training=TrainingSettings(num_epochs=3))
IDS = torch.tensor([[5, 9, 77, 300]])


def logits(network):
    with torch.inference_mode():
        return network(input_ids=IDS).logits


def test_rows_without_a_direction_stay_without(tiny, tmp_path):
    network = copy.deepcopy(tiny.network)
    own = network.model.layers[0].self_attn.o_proj
    with torch.no_grad():
        own.weight[3:7] = 0.0
    base = tiny.with_network(network)
    assert torch.allclose(
        logits(METHOD.with_adapter(base, TrainData()).network), logits(network), atol=1e-5
    )
    tuned = METHOD.fit(base, DATA, seed=0)
    assert torch.isfinite(logits(tuned.network)).all()
    assert not torch.allclose(logits(tuned.network), logits(network), atol=1e-3)
    merged = tuned.owned_copy()
    assert torch.equal(
        merged.model.layers[0].self_attn.o_proj.weight[3:7], torch.zeros(4, own.in_features)
    )
    assert torch.allclose(logits(merged), logits(tuned.network), atol=1e-5)
    save_model(tuned, tmp_path, outside=base)
    again = load_model(tmp_path, outside=base)
    assert torch.equal(logits(again.network), logits(tuned.network))
