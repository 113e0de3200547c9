"""A scaled parallel adapter learns its items; its scale is fixed unless it is to be learned."""

import pytest
import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.model import Sampling
from acclimate.core.rewriter import unwrap
from acclimate.methods.tuning.scaled_parallel_adapter import ScaledParallelAdapter
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(
    Item(id=str(i), question=f"{q}?", target=a)
    for i, (q, a) in enumerate([("one", "the"), ("two", "is"), ("three", "in")] * 4)
)
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
LONG = TrainingSettings(num_epochs=40, batch_size=12, weight_decay=0.0)

CONTRACT = {
    "training.patience": {
        "value": 1,
        "beside": {"learning_rate": 1e-30},
        "why": "of large ones dev gets better",
    },
}


@pytest.mark.parametrize("is_scale_learned", [False, True])
def test_learns_its_items_and_is_the_formula_inside_the_network(is_scale_learned, tiny):
    method = ScaledParallelAdapter(
        is_scale_learned=is_scale_learned, learning_rate=1e-2, training=LONG
    )
    tuned = method.fit(tiny, DATA, seed=0)
    asked = [DATA.train[0].prompt(item) for item in ITEMS[:3]]
    found = tuned.generate(asked, Sampling(max_new_tokens=4, stop=("\n",)))
    assert [c.text for c in found] == ["the", "is", "in"]
    for block, own in zip(
        unwrap(tuned).core.network.model.layers, tiny.network.model.layers, strict=True
    ):
        adapter = block.mlp.bottlenecks[0].adapters[0]
        scale = float(adapter.scale)
        assert (scale == 4.0) != is_scale_learned
        x = torch.randn(5, 32)
        with torch.inference_mode():
            beside = torch.relu(x @ adapter.down.T + adapter.down_bias)
            wanted = own.mlp(x) + scale * (beside @ adapter.up.T + adapter.up_bias)
            assert torch.allclose(block.mlp(x), wanted, atol=1e-5)
