"""A network's mark: every way that weights are changed here changes it."""

import pytest
import torch

from acclimate.nn.weights_identity import weights_digest, weights_version


@pytest.fixture
def network():
    """A network of two layers, one with buffers."""
    return torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))


def test_reading_leaves_it(network):
    before = weights_version(network.eval())
    network(torch.ones(3, 2)).sum().backward()
    assert weights_version(network) == before


@pytest.mark.parametrize("kind", ["AdamW", "SGD"])
@pytest.mark.parametrize("how", ["foreach", "fused"])
def test_an_optimizer_changes_it(network, kind, how):
    optimizer = getattr(torch.optim, kind)(network[:1].parameters(), lr=0.1, **{how: True})
    network[0](torch.ones(1, 2)).sum().backward()
    before = weights_version(network)
    optimizer.step()
    assert weights_version(network) != before


def test_loading_replacing_and_counting_change_it(network):
    marks = [weights_version(network)]
    network.load_state_dict({k: v + 1 for k, v in network.state_dict().items()})
    marks.append(weights_version(network))
    network[0].weight = torch.nn.Parameter(torch.zeros(2, 2))
    marks.append(weights_version(network))
    network(torch.ones(3, 2))
    marks.append(weights_version(network))
    assert len(set(marks)) == 4


def test_weights_made_for_inference_have_one():
    with torch.inference_mode():
        network = torch.nn.Linear(2, 2)
    assert weights_version(network) == weights_version(network)


def test_every_bit_counts_in_the_digest(network):
    before = weights_digest(network)
    assert weights_digest(network) == before
    with torch.no_grad():
        network[0].weight[1, 1] += 1e-6
    assert weights_digest(network) != before
    half = torch.nn.Linear(2, 2).bfloat16()
    assert weights_digest(half) != weights_digest(half.float())
