"""What a look measures, and what is told of it."""

import json
import math

import pytest
import torch

from acclimate.core.errors import BackendError
from acclimate.core.runtime.progress import report_progress_to
from acclimate.training.packing import Batch
from acclimate.training.run_log import RunLog
from acclimate.training.validation import Validator, mean_loss, per_text
from small_training import small_network, small_run, small_source


class Telling:
    """A source with one dev batch of as many targets as the losses to come."""

    has_dev, targets_per_byte = True, None

    def dev_passes(self, rank, size):
        return [Batch({}, torch.ones(1, 2, dtype=torch.long), num_tokens=2)]


class Network(torch.nn.Module):
    """One weight, which is its own dev loss."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def num_parameters(self):
        return 1


def summed(network, batch):
    return network.weight * batch.num_targets


@pytest.fixture
def look(tmp_path):
    """Look after setting the dev loss; all that was said."""
    said = []
    network = Network()
    run = small_run(source=Telling(), loss=summed, run_log=RunLog(tmp_path))
    looks = Validator(network, run)

    def at(step, dev_loss, train_losses):
        torch.nn.init.constant_(network.weight, dev_loss)
        with report_progress_to(None, said.append):
            looks.evaluate(step, train_losses)
        return said

    at.looks, at.network = looks, network
    return at


def journal(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_learning_by_heart_is_said_and_the_best_is_kept(look):
    losses = []
    for step, (train, dev) in enumerate([(5, 3.0), (4, 2.0), (3, 2.5), (2, 2.75)]):
        losses += [train] * 10 if step else []
        said = look(10 * step, dev, losses)
    assert [text for text in said if "learn by heart" in text] == [said[-1]]
    assert "best weights so far are kept" in said[-1]
    look.looks.stopping.restore()
    assert look.network.weight.item() == 2.0


def test_a_dev_loss_that_is_no_number_stops(look):
    with pytest.raises(BackendError, match="the dev loss is nan at step 20"):
        look(20, math.nan, [1.0])


def test_the_mean_loss_is_the_sum_over_targets():
    network, source = small_network(), small_source()
    rows = list(source.dev_passes(0, 1))
    logprobs = [
        network(**b.inputs).logits.log_softmax(-1).gather(-1, b.labels[..., None]) for b in rows
    ]
    expected = -torch.cat([p.flatten() for p in logprobs]).mean()
    assert mean_loss(network.train(), source) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert network.training


def test_perplexity_and_bits_per_byte():
    # A fair choice among 8 tokens is 3 bits a token; with a token to 4 bytes, 0.75 a byte.
    found = per_text(math.log(8), 0.25)
    assert found == pytest.approx({"perplexity": 8.0, "bits_per_byte": 0.75})
    assert per_text(1.0, None) == per_text(None, 0.25) == {}
    assert math.isfinite(per_text(1e4, 1.0)["perplexity"])


@pytest.mark.parametrize("density", [None, 0.5])
def test_a_look_is_in_the_journal(tmp_path, density):
    network = small_network()
    run = small_run(
        source=small_source(targets_per_byte=density),
        run_log=RunLog(tmp_path),
        probes={"depth": lambda network: network.config.num_hidden_layers + network.training},
        sample=lambda network: f"in training: {network.training}",
    )
    said = []
    with report_progress_to(None, said.append):
        Validator(network.train(), run).evaluate(4, [1.0])
    (line,) = journal(tmp_path)
    loss = line["dev_loss"]
    assert loss == pytest.approx(mean_loss(network, run.source))
    counted = {"dev_perplexity": math.exp(loss), "dev_bits_per_byte": loss / math.log(2) / 2}
    expected = {"step": 4, "dev_loss": loss, "depth": 2}
    assert line == pytest.approx({**expected, **(counted if density else {})})
    assert "in training: False" in said
    assert f"dev loss {loss:.4g}" in said[-1]
    assert network.training


def test_without_dev_nothing_is_measured(tmp_path):
    looks = Validator(small_network(), small_run(source=small_source(dev=None)))
    looks.evaluate(0, ())
    assert looks.stopping.losses == []
