"""The loop: accumulation equals one pass, dev stops it, what it learns is what it was given."""

import copy
import math

import pytest
import torch

from acclimate.core.errors import BackendError
from acclimate.core.runtime.cost import metered
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training import batch_source as sources
from acclimate.training.batch_source import ExampleSource
from acclimate.training.packing import TokenizedExample
from acclimate.training.run import Run
from acclimate.training.trainer import train
from acclimate.training.tuning_settings import TrainingSettings
from acclimate.training.validation import mean_loss

EXAMPLES = [TokenizedExample([10 + i, 20 + i], [30 + i, 40 + i, 0]) for i in range(12)]


def trainable(tiny):
    return copy.deepcopy(tiny.network).requires_grad_(True)


def examples(network, dev=(), batch_size=16, seed=0, train=EXAMPLES):
    return ExampleSource.of(network, train, dev, batch_size=batch_size, seed=seed)


def run(network, **settings):
    rate = settings.pop("learning_rate", 3e-3)
    dev = settings.pop("dev", ())
    seed = settings.pop("seed", 0)
    chosen = TrainingSettings(**settings)
    source = examples(network, dev, chosen.batch_size, seed)
    return Run(source, chosen.arguments(len(EXAMPLES), rate), seed)


def test_accumulated_passes_equal_one(tiny, monkeypatch):
    whole, parts = trainable(tiny), trainable(tiny)
    train(whole, run(whole, num_epochs=1, batch_size=12))
    monkeypatch.setattr(sources, "MAX_PASS_TOKENS", 10)
    monkeypatch.setattr("acclimate.training.packing.ROW_TOKENS", 10)
    train(parts, run(parts, num_epochs=1, batch_size=12))
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_learns_and_counts_what_it_did(tiny):
    network = trainable(tiny)
    with metered() as meter:
        log = train(network, run(network, num_epochs=20, batch_size=4))
    assert len(log.train_losses) == 20 * 3
    assert log.train_losses[-1] < log.train_losses[0] / 2
    assert meter.cost.train_tokens == 20 * sum(map(len, EXAMPLES))
    assert meter.cost.flops == 6.0 * network.num_parameters() * meter.cost.train_tokens
    assert not any(p.requires_grad for p in network.parameters())


def test_stops_early_and_keeps_the_best_on_dev(tiny):
    dev = [TokenizedExample([10 + i, 20 + i], [77, 78, 0]) for i in range(4)]
    network = trainable(tiny)
    settings = {"num_epochs": 50, "batch_size": 12, "patience": 2, "learning_rate": 1e-2}
    log = train(network, run(network, dev=dev, **settings))
    assert len(log.train_losses) < 50
    assert mean_loss(network, examples(network, dev)) == pytest.approx(
        min(log.dev_losses), rel=1e-5
    )


def test_same_seed_same_weights_other_seed_others(tiny):
    trained = []
    for seed in (1, 1, 2):
        network = trainable(tiny)
        train(network, run(network, num_epochs=2, batch_size=4, seed=seed))
        trained.append(torch.cat([p.flatten() for p in network.parameters()]))
    assert torch.equal(trained[0], trained[1])
    assert not torch.equal(trained[0], trained[2])


def test_mean_loss_is_nats_a_learned_token(tiny):
    expected, count = 0.0, 0
    for example in EXAMPLES:
        ids = torch.tensor([[*example.prompt, *example.answer]])
        logprobs = tiny.network(input_ids=ids).logits[0].log_softmax(-1)
        for i, token in enumerate(example.answer):
            expected -= float(logprobs[len(example.prompt) - 1 + i, token])
            count += 1
    assert mean_loss(tiny.network, examples(tiny.network, EXAMPLES)) == pytest.approx(
        expected / count, rel=1e-5
    )


def test_a_loss_that_is_no_number_stops_with_the_step_named(tiny):
    network = trainable(tiny)
    torch.nn.init.constant_(network.get_input_embeddings().weight, math.nan)
    with pytest.raises(BackendError, match=r"nan at step 0 \(batch 1 of 1 in epoch 1\)"):
        train(network, run(network, num_epochs=1))


def test_encoder_decoder_learns_too(model_folder):
    base = HuggingFace(path=str(model_folder("t5"))).load().network
    network = copy.deepcopy(base).requires_grad_(True)
    train(network, run(network, num_epochs=15, batch_size=4, learning_rate=1e-2))
    assert mean_loss(network, examples(network, EXAMPLES)) < 0.8 * mean_loss(
        base, examples(base, EXAMPLES)
    )


def test_time_limit_ends_in_good_order(tiny):
    network = trainable(tiny)
    log = train(network, run(network, num_epochs=10_000, batch_size=12, max_seconds=0.3))
    assert 0 < len(log.train_losses) < 10_000
