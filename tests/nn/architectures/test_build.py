"""Every family at every size: the count on the dial, what is overridden, what is refused."""

import pytest
import torch
import transformers
from pydantic import ValidationError

from acclimate.core.errors import ConfigError
from acclimate.nn.architectures.build import OBJECTIVES, ModelSettings, new_network, sizes_of
from acclimate.nn.architectures.sizes import SIZE_NAMES
from small_training import Words

FAMILIES = list(OBJECTIVES)
CLASSES = {
    "llama": transformers.LlamaForCausalLM,
    "qwen3": transformers.Qwen3ForCausalLM,
    "bert": transformers.BertForMaskedLM,
    "modernbert": transformers.ModernBertForMaskedLM,
    "t5": transformers.T5ForConditionalGeneration,
}


class Vocabulary(Words):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size


def outline(vocab_size=64, **fields):
    """A network without weights."""
    with torch.device("meta"):
        return new_network(ModelSettings(**fields), Vocabulary(vocab_size), seed=0)


@pytest.mark.parametrize("size", [name for name in SIZE_NAMES if name != "1m"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("vocab_size", [4096, 32_000])
def test_the_dial_is_the_number_of_parameters(size, family, vocab_size):
    network = outline(vocab_size, family=family, size=size)
    assert type(network) is CLASSES[family]
    assert network.num_parameters() == pytest.approx(SIZE_NAMES[size], rel=0.07)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "t5"])
@pytest.mark.parametrize("size", ["8m", "120m", "1b"])
def test_two_tables_are_counted_twice(family, size):
    network = outline(32_000, family=family, size=size, is_tied=False)
    assert network.num_parameters() == pytest.approx(SIZE_NAMES[size], rel=0.15)
    tables = [p for p in network.parameters() if p.shape[0] == 32_000 and p.ndim == 2]
    assert len(tables) == 2


def test_a_count_between_the_names():
    assert outline(4096, size=3_000_000).num_parameters() == pytest.approx(3e6, rel=0.15)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_told_goes_before_the_dial(family):
    told = {"num_layers": 3, "embed_dim": 48, "num_heads": 4, "max_seq_len": 40, "dropout": 0.25}
    config = outline(family=family, **told).config
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (3, 48, 4)
    assert config.vocab_size == 64
    assert (config.eos_token_id, config.pad_token_id) == (0, 1)
    if family == "t5":
        assert config.num_decoder_layers == 3
        assert config.dropout_rate == 0.25
    else:
        assert config.max_position_embeddings == 40
        names = ("attention_dropout", "attention_probs_dropout_prob")
        assert [getattr(config, n) for n in names if hasattr(config, n)] == [0.25]


def test_key_heads_and_rotation():
    network = outline(embed_dim=64, num_heads=4, num_kv_heads=2, rope_theta=5e5)
    assert network.model.layers[0].self_attn.k_proj.weight.shape == (32, 64)
    assert network.config.rope_parameters["rope_theta"] == 5e5


def test_the_same_seed_the_same_weights():
    one, same, other = (
        new_network(ModelSettings(num_layers=1, embed_dim=32), Words(), seed=seed).state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(weight, same[name]) for name, weight in one.items())
    assert not all(torch.equal(weight, other[name]) for name, weight in one.items())


@pytest.mark.parametrize(
    "fields",
    [
        {"embed_dim": 50, "num_heads": 4},
        {"embed_dim": 36, "num_heads": 4},  # heads of 9 cannot be turned in pairs
        {"embed_dim": 64, "num_heads": 4, "num_kv_heads": 3},
    ],
)
def test_heads_that_do_not_fit(fields):
    with pytest.raises(ConfigError, match=r"heads must divide the width into even parts"):
        sizes_of(ModelSettings(**fields), 64)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"size": "9z"}, "give 1m, 8m"),
        ({"family": "gpt"}, "family"),
        ({"family": "bert", "has_copying_circuit": True}, "only llama can, not bert"),
        ({"family": "t5", "is_tied": False}, "t5 has one table"),
        ({"max_seq_len": 4}, "max_seq_len"),
        ({"depth": 3}, "depth"),
    ],
)
def test_what_cannot_be_is_refused_at_once(fields, fault):
    with pytest.raises(ValidationError, match=fault):
        ModelSettings(**fields)
