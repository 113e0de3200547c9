"""The dial gives about the parameters that it says, in shapes that heads divide."""

import pytest
import torch

from acclimate.core.errors import ConfigError
from acclimate.nn.architectures import ModelSettings, new_network, sizes_of
from acclimate.nn.sizes import NAMES, num_params_of, sizes


class Vocabulary:
    eos_token_id, pad_token_id, cls_token_id, sep_token_id = 0, 1, 2, 3

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size


@pytest.mark.parametrize("name", [n for n in NAMES if n != "1m"])
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_parameters_of_the_network_itself(name, family):
    vocabulary = Vocabulary(8192 if NAMES[name] < 5e7 else 32_000)
    with torch.device("meta"):
        network = new_network(ModelSettings(family=family, size=name), vocabulary, seed=0)
    assert network.num_parameters() == pytest.approx(NAMES[name], rel=0.2)


def test_what_is_given_goes_before_the_dial():
    chosen = sizes_of(ModelSettings(size="8m", num_layers=3, embed_dim=96, num_heads=6), 4096)
    assert (chosen.num_layers, chosen.embed_dim, chosen.num_heads) == (3, 96, 6)


@pytest.mark.parametrize("num_params", [2e4, 1e6, 3e7, 4e8, 7e9, 1e11])
def test_heads_divide(num_params):
    found = sizes(num_params, 32_000)
    assert found.embed_dim % found.num_heads == 0
    assert found.num_heads % found.num_kv_heads == 0
    assert found.embed_dim // found.num_heads in {32, 64, 128}


def test_known_members_of_the_families():
    """GPT-3's table 2.1: 350 M has 24 layers of 1,024; 6.7 B has 32 of 4,096."""
    assert sizes(355e6, 50_257)[:2] == (24, 1024)
    assert sizes(6.7e9, 50_257)[:2] == (32, 4096)


@pytest.mark.parametrize("size", ["huge", "12", "-1", "nan"])
def test_sizes_that_are_none(size):
    with pytest.raises(ValueError, match=f"give 1m, 8m.*not '{size}'"):
        num_params_of(size)


def test_heads_that_do_not_divide():
    with pytest.raises(ConfigError, match="heads must divide"):
        sizes_of(ModelSettings(embed_dim=100, num_heads=3), 4096)
