"""DPO's loss and gradients are TRL's on the same pairs."""

import math

import pytest
import torch

from acclimate.alignment.preference_pairs import collate_pairs
from acclimate.core.domain import Preference, Task, TrainData
from acclimate.core.rewriter import unwrap
from acclimate.methods.alignment.dpo import DPO

PAIRS = tuple(
    Preference(prompt=f"{word}?", chosen=good, rejected=bad, task="say")
    for word in ("one", "two", "three", "four", "five")
    for good, bad in (("the answer", "is in"), ("answer the", "question"))
)
SAY = Task(name="say", metrics=("exact_match",), instruction="Answer.")
DATA = TrainData(train=(SAY,), preferences=PAIRS)


def test_loss_and_gradients_are_those_of_trl(tiny, tmp_path):
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    method = DPO(beta=0.3)
    tuned = method._with_adapter(tiny)
    network = tuned.network
    pairs = list(method._pairs(unwrap(tuned), DATA, "train", seed=0))
    learned = {n: p for n, p in network.named_parameters() if "lora_" in n}
    settings = trl.DPOConfig(
        output_dir=str(tmp_path), beta=0.3, use_cpu=True, bf16=False, report_to=[],
        gradient_checkpointing=False, disable_dropout=True,
    )  # fmt: skip
    texts = Dataset.from_list([{"prompt": "one", "chosen": "is", "rejected": "in"}])
    # It takes the adapter as it is now, which changes nothing yet, for the reference.
    trainer = trl.DPOTrainer(
        tuned.adapter.model, args=settings, train_dataset=texts, processing_class=tiny.tokenizer
    )
    generator = torch.Generator().manual_seed(3)
    for weight in learned.values():
        torch.nn.init.normal_(weight, std=0.1, generator=generator)

    (batch,) = collate_pairs(network, pairs)
    ours = method._loss(network, batch) / len(pairs)
    own = torch.autograd.grad(ours, list(learned.values()))
    rows = [
        {
            "prompt_ids": list(pair.chosen.prompt),
            "chosen_ids": list(pair.chosen.answer),
            "rejected_ids": list(pair.rejected.answer),
        }
        for pair in pairs
    ]
    loss = trainer.compute_loss(trainer.model, trainer.data_collator(rows))
    assert abs(float(ours.detach()) - math.log(2)) > 0.01
    assert float(loss.detach()) == pytest.approx(float(ours.detach()), abs=1e-5)
    found = torch.autograd.grad(loss, list(learned.values()))
    for a, b in zip(own, found, strict=True):
        assert torch.allclose(a, b, atol=1e-5)
