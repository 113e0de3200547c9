"""Rows that learn alone: means at the start, nothing else moves, ties stay."""

import copy

import pytest
import torch

from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.embedding_rows import add_means, make_rows_trainable

PIECES = {400: [5, 9, 77], 401: [3]}
IDS = torch.tensor([[5, 400, 77, 401]])


@pytest.fixture(params=["llama", "gpt2", "gemma2", "t5"])
def network(request, model_folder):
    return copy.deepcopy(HuggingFace(path=str(model_folder(request.param))).load().network)


def out(network):
    extra = {"decoder_input_ids": IDS} if network.config.is_encoder_decoder else {}
    return network(input_ids=IDS, **extra).logits


def tables(network):
    return [m.weight for m in (network.get_input_embeddings(), network.get_output_embeddings())]


def test_new_rows_begin_as_the_mean_of_their_pieces(network):
    old = [table.clone() for table in tables(network)]
    add_means(network, PIECES)
    for table, was in zip(tables(network), old, strict=True):
        assert table.shape == (402, was.shape[1])
        assert torch.equal(table[:400], was)
        assert torch.allclose(table[400], (was[5] + was[9] + was[77]) / 3, atol=1e-6)
        assert torch.equal(table[401], was[3])


def test_rows_to_spare_are_used(network):
    add_means(network, {399: [5, 9]})
    assert len(tables(network)[0]) == 400


def test_only_those_rows_have_a_gradient_and_they_move_the_output(network):
    add_means(network, PIECES)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    start = out(network).detach()
    write = make_rows_trainable(network, [400, 401])
    assert torch.allclose(out(network), start, atol=1e-6)
    learning = [p for p in network.parameters() if p.requires_grad]
    assert {tuple(p.shape) for p in learning} == {(2, before_width(before))}
    for weight in learning:
        weight.data += 1.0
    moved = out(network).detach()
    write()
    assert torch.allclose(out(network), moved, atol=1e-5)
    after = network.state_dict()
    assert set(after) == set(before)
    for name, old in before.items():
        changed = (after[name] != old).reshape(len(old), -1).any(1) if old.ndim else None
        rows = [] if changed is None else changed.nonzero().flatten().tolist()
        assert rows in ([], [400, 401]), name


def before_width(state):
    return next(t.shape[1] for t in state.values() if t.ndim == 2 and len(t) == 402)


def test_tied_layers_share_the_rows_and_stay_tied(network):
    one, other = tables(network)
    is_tied = one is other
    add_means(network, PIECES)
    write = make_rows_trainable(network, [400])
    assert len([p for p in network.parameters() if p.requires_grad]) == (1 if is_tied else 2)
    write()
    one, other = tables(network)
    assert (one.data_ptr() == other.data_ptr()) == is_tied
