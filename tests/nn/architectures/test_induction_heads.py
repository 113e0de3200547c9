"""A fresh network with the circuit copies from its context; one without it does not."""

import pytest
import torch

from acclimate.core.errors import ConfigError
from acclimate.nn.architectures.build import ModelSettings, new_network
from small_training import Words


class Vocabulary(Words):
    def __len__(self):
        return 2000


@torch.no_grad()
def copied_share(network, *, length=32, seed=5):
    """Share of the next tokens that are right where a random sequence is repeated."""
    once = torch.randint(4, 2000, (4, length), generator=torch.Generator().manual_seed(seed))
    ids = torch.cat([once, once], dim=1)
    guessed = network.eval()(input_ids=ids).logits.argmax(-1)
    right = guessed[:, length:-1] == ids[:, length + 1 :]
    return float(right.float().mean())


def network_of(**fields):
    sizes = {"num_layers": 4, "embed_dim": 128, "num_heads": 4, "rope_theta": 1e6}
    return new_network(
        ModelSettings(**{**sizes, **fields}), Vocabulary(), seed=fields.get("seed", 0)
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"num_layers": 2},
        {"rope_theta": 1e4},
        {"num_layers": 2, "num_heads": 2},
        {"num_layers": 6, "embed_dim": 256, "num_heads": 4},
        {"num_layers": 9, "embed_dim": 512, "num_heads": 8},  # size=30m
    ],
    ids=str,
)
def test_it_copies_before_any_training(fields):
    assert copied_share(network_of(has_copying_circuit=True, **fields)) > 0.6
    assert copied_share(network_of(**fields)) < 0.05


def test_it_copies_over_some_hundred_tokens():
    assert copied_share(network_of(has_copying_circuit=True), length=200) > 0.5


def test_training_can_still_move_every_weight():
    network = network_of(has_copying_circuit=True)
    ids = torch.randint(4, 2000, (2, 64), generator=torch.Generator().manual_seed(0))
    network(input_ids=ids, labels=ids).loss.backward()
    assert [name for name, p in network.named_parameters() if not p.grad.any()] == []


@pytest.mark.parametrize(
    ("fields", "lacking"),
    [
        ({"num_layers": 1}, "needs two layers"),
        ({"embed_dim": 32, "num_heads": 1}, "needs a width of 64"),
        ({"num_kv_heads": 2}, "needs as many key heads as heads"),
        ({"is_tied": False}, "needs one table"),
        ({"num_heads": 8, "rope_theta": 1e4}, "needs 4 slow rotations a head"),
        ({"rope_theta": 10}, "needs 4 slow rotations a head"),
        ({"num_layers": 1, "is_tied": False}, "needs two layers, one table"),
        ({"embed_dim": 512, "num_heads": 32, "rope_theta": 1e4}, "4 slow rotations"),
    ],
)
def test_where_it_cannot_be_the_sentence_says_why(fields, lacking):
    with pytest.raises(ConfigError, match=lacking):
        network_of(has_copying_circuit=True, **fields)


def test_many_narrow_heads_share_the_content():
    """Heads for which no content is left copy nothing, and do no harm."""
    network = network_of(
        has_copying_circuit=True, num_layers=2, embed_dim=640, num_heads=40, rope_theta=1e7
    )
    assert copied_share(network, length=8) > 0.6
