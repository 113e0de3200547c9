"""Packing keeps every example, wastes little, and lets none see another."""

import pytest
import torch

from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.losses import next_token_loss
from acclimate.training.packing import IGNORED, TokenizedExample, causal_batches, epoch, pack


def examples(lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda n: torch.randint(2, 400, (n,), generator=generator).tolist()  # noqa: E731
    return [TokenizedExample(draw(length), draw(3 + length % 4)) for length in lengths]


def test_every_example_stands_in_one_row_within_capacity():
    some = examples(range(1, 60))
    rows = pack(some, row_tokens=100)
    assert sorted(id(e) for row in rows for e in row) == sorted(map(id, some))
    assert max(sum(map(len, row)) for row in rows) <= 100
    assert sum(map(len, some)) / (100 * len(rows)) > 0.9


def test_an_example_longer_than_a_row_makes_rows_that_long():
    (row,) = pack(examples([300]), row_tokens=100)
    assert sum(map(len, row)) > 300


def test_an_epoch_is_every_example_once_in_another_order_for_another_seed():
    some = examples(range(1, 20))
    orders = [[len(e.prompt) for group in epoch(some, 4, seed=s) for e in group] for s in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(1, 20))
    assert orders[0] != orders[1]


def test_labels_name_the_next_token_of_answers_only():
    (batch,) = causal_batches(
        [TokenizedExample([5, 6], [7, 8])], max_tokens=100, dtype=torch.float32
    )
    assert batch.labels.tolist() == [[IGNORED, 7, 8, IGNORED]]


@pytest.mark.parametrize("family", ["llama", "mistral", "gpt2", "gemma2"])
def test_packed_loss_equals_the_sum_of_each_alone(family, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    some = examples([3, 9, 20, 5, 1])
    (batch,) = causal_batches(some, max_tokens=10_000, dtype=torch.float32)
    assert len(batch.inputs["input_ids"]) < len(some)
    alone = 0.0
    for example in some:
        whole = [*example.prompt, *example.answer]
        logprobs = network(input_ids=torch.tensor([whole])).logits[0].log_softmax(-1)
        start = len(example.prompt) - 1
        alone -= sum(float(logprobs[start + i, t]) for i, t in enumerate(example.answer))
    assert float(next_token_loss(network, batch)) == pytest.approx(alone, rel=1e-5)
