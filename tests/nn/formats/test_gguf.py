import numpy as np
import pytest
import torch

from acclimate.core.errors import NotApplicableError

gguf = pytest.importorskip("gguf", reason="the extra 'serve' is not installed")
from acclimate.nn.formats.gguf import write_gguf  # noqa: E402 it needs the library


def read(path):
    reader = gguf.GGUFReader(path)
    tensors = {
        t.name: gguf.quants.dequantize(t.data, t.tensor_type).reshape(*reversed(t.shape.tolist()))
        for t in reader.tensors
    }
    return reader, tensors


def test_sizes_tokens_and_weights(tiny, tmp_path):
    write_gguf(tiny.network, tiny.tokenizer, tmp_path / "it.gguf", "F32")
    reader, tensors = read(tmp_path / "it.gguf")
    config = tiny.network.config

    def told(name):
        return reader.get_field(name).contents()

    assert told("general.architecture") == "llama"
    assert told("llama.embedding_length") == config.hidden_size
    assert told("llama.attention.head_count_kv") == config.num_key_value_heads
    assert told("tokenizer.ggml.eos_token_id") == tiny.tokenizer.eos_token_id
    vocabulary = tiny.tokenizer.get_vocab()
    tokens = told("tokenizer.ggml.tokens")
    assert len(tokens) == config.vocab_size
    assert all(tokens[number] == token for token, number in vocabulary.items())
    weights = tiny.network.state_dict()
    down = weights["model.layers.1.mlp.down_proj.weight"].numpy()
    np.testing.assert_array_equal(tensors["blk.1.ffn_down.weight"], down)
    assert "output.weight" in tensors


def test_rotating_neighbours_of_the_permuted_is_rotating_halves(tiny, tmp_path):
    """Keys turned as llama.cpp turns them are, but for their order, those of transformers."""
    write_gguf(tiny.network, tiny.tokenizer, tmp_path / "it.gguf", "F32")
    permuted = torch.tensor(read(tmp_path / "it.gguf")[1]["blk.0.attn_k.weight"])
    plain = tiny.network.state_dict()["model.layers.0.self_attn.k_proj.weight"]
    x = torch.linspace(-1, 1, plain.shape[1])
    num_heads, angles = 2, torch.tensor([0.3, 0.7, 1.1, 1.9])
    halves = (plain @ x).view(num_heads, 2, 4)
    pairs = (permuted @ x).view(num_heads, 4, 2)
    by_half = torch.complex(halves[:, 0], halves[:, 1]) * torch.exp(1j * angles)
    by_pair = torch.view_as_complex(pairs.contiguous()) * torch.exp(1j * angles)
    torch.testing.assert_close(by_pair, by_half)


def test_eight_bits_are_near(tiny, tmp_path):
    write_gguf(tiny.network, tiny.tokenizer, tmp_path / "it.gguf", "Q8_0")
    kept = read(tmp_path / "it.gguf")[1]["blk.0.ffn_up.weight"]
    exact = tiny.network.state_dict()["model.layers.0.mlp.up_proj.weight"].numpy()
    # A block's step is its largest weight over 127; rounding errs by half of it.
    assert 0 < np.abs(kept - exact).max() <= np.abs(exact).max() / 127


def test_other_networks_are_refused(tiny, model_folder, tmp_path):
    from acclimate.models.local.huggingface import HuggingFace

    gpt2 = HuggingFace(path=str(model_folder("gpt2"))).load()
    with pytest.raises(NotApplicableError, match="holds llama, mistral, qwen3, and this is a gpt2"):
        write_gguf(gpt2.network, gpt2.tokenizer, tmp_path / "it.gguf")
    assert not (tmp_path / "it.gguf").exists()
