"""The circuit copies before any training, and is refused where it cannot stand."""

import pytest
import torch

from acclimate.core.errors import ConfigError
from acclimate.nn.architectures import ModelSettings, new_network

SIZES = {"num_layers": 2, "embed_dim": 96, "num_heads": 3, "rope_theta": 1e6}


class Vocabulary:
    eos_token_id, pad_token_id = 0, 1

    def __len__(self):
        return 1000


def share_right(network):
    """Of the tokens of a random sequence's second half, which is its first half again."""
    torch.manual_seed(1)
    first = torch.randint(2, 1000, (4, 40))
    with torch.inference_mode():
        logits = network.eval()(input_ids=torch.cat([first, first], 1)).logits
    return float((logits[:, 40:-1].argmax(-1) == first[:, 1:]).float().mean())


def test_it_copies_from_the_start_and_without_it_nothing_does():
    with_it = ModelSettings(**SIZES, has_copying_circuit=True)
    assert share_right(new_network(with_it, Vocabulary(), seed=0)) > 0.6
    assert share_right(new_network(ModelSettings(**SIZES), Vocabulary(), seed=0)) < 0.1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"num_layers": 1}, "got 1 layers"),
        ({"num_heads": 12}, "heads of 8"),
        ({"num_heads": 6, "num_kv_heads": 3}, "3 key heads of 6"),
    ],
)
def test_refused_where_it_cannot_be(fields, said):
    settings = ModelSettings(**{**SIZES, **fields}, has_copying_circuit=True)
    with pytest.raises(ConfigError, match=said):
        new_network(settings, Vocabulary(), seed=0)


def test_other_families_cannot_have_it():
    with pytest.raises(ValueError, match="only llama can, not qwen3"):
        ModelSettings(**SIZES, family="qwen3", has_copying_circuit=True)
