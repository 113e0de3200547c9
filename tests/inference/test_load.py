"""A network read from files computes as one in memory, wherever its weights lie in the file."""

import shutil
import struct

import pytest
import torch

from acclimate.inference.load import load_network


def moved(folder, num_bytes):
    """Let the weights begin so much later in the file: a header may end in spaces."""
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    (size,) = struct.unpack("<Q", whole[:8])
    header = whole[8 : 8 + size] + b" " * num_bytes
    path.write_bytes(struct.pack("<Q", len(header)) + header + whole[8 + size :])


@pytest.mark.parametrize("num_bytes", range(0, 64, 8))
def test_wherever_its_weights_lie(model_folder, tmp_path, num_bytes):
    folder = shutil.copytree(model_folder("llama"), tmp_path / "moved")
    moved(folder, num_bytes)
    network, _ = load_network(folder)
    inside, _ = load_network(model_folder("llama"))
    for tensor in (*inside.parameters(), *inside.buffers()):
        tensor.data = tensor.data.clone()  # where PyTorch puts its own
    addresses = {p.data_ptr() % 64 for p in (*network.parameters(), *network.buffers())}
    assert addresses == {0}
    for num_rows in (1, 2, 3, 5, 40):
        ids = torch.arange(num_rows)[None]
        assert torch.equal(network(ids).logits, inside(ids).logits), num_rows


def test_weights_that_are_one_stay_one(model_folder):
    network, _ = load_network(model_folder("gpt2"))
    assert network.lm_head.weight is network.transformer.wte.weight
