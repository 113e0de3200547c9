"""DPO: log 2 at the start, the papers' losses and gradients, and liked answers get likelier."""

import math

import numpy as np
import pytest
import torch

from acclimate.alignment.preference_pairs import collate_pairs
from acclimate.core.domain import Item, Preference, Task, TrainData
from acclimate.core.errors import DataError
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import collect_log
from acclimate.methods.alignment.dpo import DPO, dpo_losses
from acclimate.methods.prompting.one_shot import OneShot
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training import finetune as tuning
from acclimate.training.tuning_settings import TrainingSettings

PAIRS = tuple(
    Preference(prompt=f"{word}?", chosen=good, rejected=bad, task="say")
    for word in ("one", "two", "three", "four", "five")
    for good, bad in (("the answer", "is in"), ("answer the", "question"))
)
ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the") for i in range(2))
SAY = Task(name="say", metrics=("exact_match",), instruction="Answer.", items=ITEMS)
DATA = TrainData(train=(SAY,), preferences=PAIRS)
METHOD = DPO(learning_rate=1e-2, training=TrainingSettings(num_epochs=8, batch_size=4))


def begun(method, base, data=DATA):
    """The network before its first step, and the batch of all training pairs."""
    tuned = method._with_adapter(base)
    pairs = list(method._pairs(unwrap(tuned), data, "train", seed=0))
    (batch,) = collate_pairs(tuned.network, pairs)
    return tuned.network, batch


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_the_loss_begins_at_log_two_a_pair(family, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    network, batch = begun(METHOD, base)
    network.train()  # as the loop has it: GPT-2 and T5 have dropout, which the reference had not
    loss = METHOD._loss(network, batch).detach()
    assert float(loss) / batch.num_targets == pytest.approx(math.log(2), abs=1e-5)


def logprob(network, ids, start):
    """Of the tokens from `start` on, read alone: an independent sum."""
    logits = network(input_ids=torch.tensor([ids])).logits[0]
    said = logits.log_softmax(-1)[torch.arange(start - 1, len(ids) - 1), torch.tensor(ids[start:])]
    return said.sum()


@pytest.mark.parametrize(
    ("fields", "formula"),
    [
        ({"beta": 0.3}, lambda m: torch.log1p(torch.exp(-0.3 * m))),
        ({"beta": 0.3, "loss": "ipo"}, lambda m: (m - 1 / 0.6) ** 2),
    ],
)
@pytest.mark.parametrize("use_reference", [True, False])
def test_loss_and_gradients_are_the_papers(fields, formula, use_reference, tiny):
    method = METHOD.model_copy(update={**fields, "use_reference": use_reference})
    network, batch = begun(method, tiny)
    for name, weight in network.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.03, generator=torch.Generator().manual_seed(3))
    learned = [p for p in network.parameters() if p.requires_grad]
    ours = method._loss(network, batch)
    own = torch.autograd.grad(ours, learned)
    total = 0.0
    learned_pairs = [liked for _, liked in split(DATA)]
    for liked in learned_pairs:
        prompt = SAY.prompt(Item(id="x", question=liked.prompt, target=""))
        margin = 0.0
        for sign, text in ((1, liked.chosen), (-1, liked.rejected)):
            ids, answer = tiny.encode(prompt, text)
            whole = [*ids, *answer, tiny.tokenizer.eos_token_id]
            held = float(logprob(tiny.network, whole, len(ids))) if use_reference else 0.0
            margin = margin + sign * (logprob(network, whole, len(ids)) - held)
        total = total + formula(margin)
    theirs = torch.autograd.grad(total, learned)
    assert float(ours.detach()) == pytest.approx(float(total.detach()), rel=1e-5)
    for one, other in zip(own, theirs, strict=True):
        assert float((one - other).abs().max()) < 1e-5 * max(1.0, float(other.abs().max()))


def split(data):
    from acclimate.alignment.preference_pairs import split_preferences

    return split_preferences(data, 0)[0]


def test_losses_by_hand():
    policy = torch.tensor([[-1.0, -3.0], [-5.0, -2.0]])
    reference = torch.tensor([[-2.0, -2.0], [-4.0, -4.0]])
    # Margins: (1) - (-1) = 2, and (-1) - 2 = -3.
    found = dpo_losses(policy, reference, beta=0.5, loss="sigmoid")
    expected = -np.log(1 / (1 + np.exp(-0.5 * np.array([2.0, -3.0]))))
    assert found.tolist() == pytest.approx(expected.tolist())
    found = dpo_losses(policy, reference, beta=0.5, loss="ipo")
    assert found.tolist() == pytest.approx([(2 - 1) ** 2, (-3 - 1) ** 2])


def test_liked_answers_get_likelier_and_it_is_told(tiny):
    with collect_log() as book:
        tuned = METHOD.fit(tiny, DATA, seed=0)
    gained = {}
    for liked in PAIRS:
        prompt = SAY.prompt(Item(id="x", question=liked.prompt, target=""))
        asked = [(prompt, liked.chosen), (prompt, liked.rejected)]
        now, before = tuned.loglikelihood(asked), tiny.loglikelihood(asked)
        moved = [a.logprob - b.logprob for a, b in zip(now, before, strict=True)]
        gained[liked.prompt, liked.chosen] = moved[0] - moved[1]
    assert min(gained.values()) > 0
    assert book.facts["held-out pairs"] == 2
    assert book.facts["share of them that moved to the chosen answer"] == 1.0
    assert book.facts["change of a rejected answer's log-probability, nats"] < 0
    first, *_, last = (loss for _, loss in book.curves["dev loss, nats"])
    assert first == pytest.approx(math.log(2), abs=1e-5)
    assert last < first


def test_inside_a_rewriter_pairs_are_rendered_as_it_does(tiny, monkeypatch):
    seen = []
    real = tuning.train
    monkeypatch.setattr(
        tuning, "train", lambda network, run: seen.append(run) or real(network, run)
    )
    shown = OneShot().fit(tiny, DATA, seed=0)
    short = METHOD.model_copy(update={"training": TrainingSettings(num_epochs=1)})
    tuned = short.fit(shown, DATA, seed=0)
    prompt, liked = split(DATA)[0]
    (rendered,) = unwrap(shown).render([prompt])
    assert rendered.examples
    assert list(seen[0].source.train[0].chosen.prompt) == tiny.encode(rendered, liked.chosen)[0]
    assert unwrap(tuned).rewriters[0].pool == shown.pool


def test_a_strong_pull_stays_nearer(tiny):
    """The same steps at a hundred times the beta end nearer to the reference."""
    moved = []
    for beta in (0.05, 5.0):
        with collect_log() as book:
            METHOD.model_copy(update={"beta": beta, "loss": "ipo"}).fit(tiny, DATA, seed=0)
        good, bad = (
            book.facts[f"change of a {kind} answer's log-probability, nats"]
            for kind in ("chosen", "rejected")
        )
        moved.append(good - bad)
    assert moved[0] > 2 * moved[1]


def test_malformed_pairs_are_refused(tiny):
    same = Preference(prompt="q", chosen="a", rejected="a")
    with pytest.raises(DataError, match="preference 11: chosen and rejected are the same"):
        METHOD.fit(tiny, DATA.model_copy(update={"preferences": (*PAIRS, same)}), seed=0)
