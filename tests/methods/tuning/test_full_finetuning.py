"""Full tuning learns its items, leaves the base as it was, and tunes inside rewriters."""

import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.model import Sampling
from acclimate.core.rewriter import unwrap
from acclimate.methods.prompting.one_shot import OneShot
from acclimate.methods.tuning.full_finetuning import FullFinetuning
from acclimate.training import finetune as tuning
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(
    Item(id=str(i), question=f"{q}?", target=a)
    for i, (q, a) in enumerate([("one", "the"), ("two", "is"), ("three", "in")] * 4)
)
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))
METHOD = FullFinetuning(learning_rate=1e-2, training=TrainingSettings(num_epochs=30, batch_size=12))


def answers(model, task=DATA.train[0]):
    asked = [task.prompt(item) for item in ITEMS[:3]]
    return [c.text for c in model.generate(asked, Sampling(max_new_tokens=4, stop=("\n",)))]


def test_learns_the_answers_and_where_to_stop(tiny):
    before = [p.clone() for p in tiny.network.parameters()]
    tuned = METHOD.fit(tiny, DATA, seed=0)
    assert answers(tuned) == ["the", "is", "in"]
    assert all(torch.equal(a, b) for a, b in zip(before, tiny.network.parameters(), strict=True))
    assert answers(tiny) != ["the", "is", "in"]


def test_inside_a_rewriter_it_trains_on_prompts_as_they_are_rewritten(tiny, monkeypatch):
    seen = []
    real = tuning.train
    monkeypatch.setattr(
        tuning, "train", lambda network, run: seen.append(run) or real(network, run)
    )
    shown = OneShot().fit(tiny, DATA, seed=0)
    short = METHOD.model_copy(update={"training": TrainingSettings(num_epochs=1)})
    tuned = short.fit(shown, DATA, seed=0)
    prompt = DATA.train[0].prompt(ITEMS[0])
    (rendered,) = unwrap(shown).render([prompt])
    assert rendered.examples
    assert list(seen[0].source.train[0].prompt) == tiny.encode(rendered, ITEMS[0].target)[0]
    assert unwrap(tuned).rewriters[0].pool == shown.pool
    assert unwrap(tuned).core is not tiny
