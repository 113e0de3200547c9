"""AdamW decays matrices alone; Muon takes hidden matrices; each step is the published one."""

import pytest
import torch
import transformers

from acclimate.training.arguments import TrainingArguments
from acclimate.training.optim import make_optimizers, set_learning_rates

SHAPE = {"vocab_size": 40, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
         "intermediate_size": 32, "max_position_embeddings": 16}  # fmt: skip


def llama(**fields):
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPE, **fields))


def test_decay_is_on_matrices_that_are_trained():
    layer = torch.nn.Linear(2, 2)
    norm = torch.nn.LayerNorm(2).requires_grad_(False)
    (optimizer,) = make_optimizers(
        torch.nn.Sequential(layer, norm), TrainingArguments(weight_decay=0.5)
    )
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decays == {id(layer.weight): 0.5, id(layer.bias): 0.0}


def test_one_step_is_adamws_equation():
    module = torch.nn.Module()
    module.weight = weight = torch.nn.Parameter(torch.tensor([[2.0]]))
    (optimizer,) = make_optimizers(module, TrainingArguments(learning_rate=0.1, weight_decay=0.5))
    assert optimizer.defaults["fused"]
    for gradient in (3.0, 1.0):
        weight.grad = torch.tensor([[gradient]])
        optimizer.step()
    # Decay to w (1 - 0.1 0.5); both moments with betas 0.9 and 0.95, corrected for their bias.
    first = 2.0 * 0.95 - 0.1
    mean, square = (0.9 * 0.3 + 0.1 * 1) / (1 - 0.81), (0.95 * 0.45 + 0.05 * 1) / (1 - 0.9025)
    assert weight.item() == pytest.approx(first * 0.95 - 0.1 * mean / square**0.5, abs=1e-6)


@pytest.mark.parametrize("is_tied", [True, False])
def test_muon_takes_hidden_matrices(is_tied):
    network = llama(tie_word_embeddings=is_tied)
    muon, adamw = make_optimizers(network, TrainingArguments(optimizer="muon"))
    names = {id(p): n for n, p in network.named_parameters()}
    taken = {names[id(p)] for g in muon.param_groups for p in g["params"]}
    layers = ("q_proj", "k_proj", "v_proj", "o_proj")
    assert taken == {
        *(f"model.layers.0.self_attn.{layer}.weight" for layer in layers),
        *(f"model.layers.0.mlp.{layer}.weight" for layer in ("gate_proj", "up_proj", "down_proj")),
    }
    rest = {names[id(p)] for g in adamw.param_groups for p in g["params"]}
    assert taken | rest == set(names.values())
    assert not taken & rest


def test_muon_leaves_every_table_to_adamw():
    config = transformers.T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=16, num_layers=1)
    network = transformers.T5ForConditionalGeneration(config)
    muon, _ = make_optimizers(network, TrainingArguments(optimizer="muon"))
    tables = {id(m.weight) for m in network.modules() if isinstance(m, torch.nn.Embedding)}
    assert len(tables) == 3  # the words', and positions of encoder and decoder
    assert not tables & {id(p) for g in muon.param_groups for p in g["params"]}


def test_a_step_of_muon_is_orthogonal_and_of_adamws_size():
    network = llama()
    muon, _ = make_optimizers(
        network, TrainingArguments(optimizer="muon", learning_rate=0.1, weight_decay=0)
    )
    weight = network.model.layers[0].mlp.up_proj.weight  # (32, 16)
    before = weight.detach().clone()
    weight.grad = torch.randn(32, 16)
    muon.step()
    step = (before - weight.detach()) / 0.1
    # Liu et al. 2025, equation 4: a matrix with singular values about 1, times 0.2 sqrt(32).
    values = torch.linalg.svdvals(step) / (0.2 * 32**0.5)
    assert values.min() > 0.6
    assert values.max() < 1.3
    assert float((step * weight.grad).sum()) > 0


def test_rates_are_every_groups():
    found = make_optimizers(llama(), TrainingArguments(optimizer="muon"))
    set_learning_rates(found, 0.25)
    assert {g["lr"] for optimizer in found for g in optimizer.param_groups} == {0.25}
