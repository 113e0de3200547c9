"""Each means against forgetting against a formula of its own."""

import pytest
import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.rewriter import Unwrapped
from acclimate.methods.tuning.full_finetuning import FullFinetuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.finetune import answer_examples
from acclimate.training.losses import next_token_loss
from acclimate.training.packing import causal_batches
from acclimate.training.retention.settings import Retention
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the answer") for i in range(12))
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))


def tuned(base, **retention):
    training = TrainingSettings(num_epochs=2, batch_size=6)
    method = FullFinetuning(learning_rate=1e-2, training=training, retention=Retention(**retention))
    return dict(method.fit(base, DATA, seed=0).network.named_parameters())


@pytest.fixture(scope="module")
def base(tiny):
    return dict(tiny.network.named_parameters())


@pytest.fixture(scope="module")
def plain(tiny):
    return tuned(tiny)


def gradients(network, loss, batch):
    network.zero_grad()
    loss(network, batch).backward()
    return {name: p.grad.clone() for name, p in network.named_parameters()}


def test_the_pull_is_l2_sp_while_training_and_absent_from_dev(tiny):
    lesson = Retention(pull=0.3).finetune_spec(seed=0)
    network = lesson.prepare(tiny).network
    loss = lesson.loss_of(network)
    start = {name: p.detach().clone() for name, p in network.named_parameters()}
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.01)
    examples = list(answer_examples(Unwrapped(tiny), DATA, "train"))
    (batch,) = causal_batches(examples, max_tokens=4096, dtype=torch.float32)
    network.eval()
    assert torch.equal(loss(network, batch), next_token_loss(network, batch))
    network.train()
    without, found = (gradients(network, one, batch) for one in (next_token_loss, loss))
    for name, p in network.named_parameters():
        # The loop divides a step's loss by its targets: what is left is alpha (w - w0).
        pull = (found[name] - without[name]) / batch.num_targets
        assert torch.allclose(pull, 0.3 * (p.detach() - start[name]), atol=1e-5), name


def test_a_strong_pull_holds_the_weights(tiny, base, plain):
    def away(weights):
        return sum(float((weights[n] - w).square().sum()) for n, w in base.items())

    assert away(tuned(tiny, pull=100.0)) < away(plain) / 4


DEPTHS = {
    "llama": {"model.embed_tokens": 3, "model.layers.0": 2, "model.layers.1": 1, "model.norm": 0,
              "lm_head": 0},
    "gpt2": {"transformer.wte": 3, "transformer.wpe": 3, "transformer.h.0": 2,
             "transformer.h.1": 1, "transformer.ln_f": 0},
    "t5": {"shared": 5, "encoder.block.0": 4, "encoder.block.1": 3, "decoder.block.0": 2,
           "decoder.block.1": 1, "encoder.final_layer_norm": 0, "decoder.final_layer_norm": 0},
}  # fmt: skip


@pytest.mark.parametrize("family", DEPTHS)
def test_each_block_learns_at_a_share_of_the_rate_of_the_one_above(family, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    share = Retention(layer_decay=0.4).finetune_spec(seed=0).lr_scale(network)
    for name, _ in network.named_parameters():
        (depth,) = (d for start, d in DEPTHS[family].items() if name.startswith(f"{start}."))
        assert share(name) == pytest.approx(0.4**depth), name


def test_shares_reach_the_weights(tiny, base):
    # Adam's first step moves every weight by about its rate, whatever the gradient.
    method = FullFinetuning(
        learning_rate=1e-3,
        training=TrainingSettings(num_epochs=1, batch_size=12, weight_decay=0.0),
        retention=Retention(layer_decay=0.5),
    )
    after = dict(method.fit(tiny, DATA, seed=0).network.named_parameters())
    for name, depth in {"norm": 0, "layers.1.mlp.up_proj": 1, "layers.0.mlp.up_proj": 2}.items():
        step = (after[f"model.{name}.weight"] - base[f"model.{name}.weight"]).abs().median()
        assert float(step) == pytest.approx(1e-3 * 0.5**depth, rel=0.02)


def test_frozen_blocks_stay_bit_for_bit(tiny, base):
    after = tuned(tiny, frozen_share=0.5)
    below = ("model.embed_tokens.", "model.layers.0.")
    for name, weight in base.items():
        assert torch.equal(after[name], weight) == name.startswith(below), name


def test_a_small_frozen_share_is_the_embeddings_alone(tiny, base):
    after = tuned(tiny, frozen_share=0.1)
    same = {name for name, weight in base.items() if torch.equal(after[name], weight)}
    assert same == {"model.embed_tokens.weight"}


def test_the_base_has_its_share_of_the_result(tiny, base, plain):
    after = tuned(tiny, base_share=0.25)
    for name, weight in base.items():
        assert torch.allclose(after[name], 0.25 * weight + 0.75 * plain[name], atol=1e-7), name
