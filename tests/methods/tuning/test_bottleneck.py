"""Bottlenecks learn their items beside an untouched base, in one place or two, by task or not."""

import pytest
import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.core.rewriter import unwrap
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.tuning.bottleneck import Bottleneck
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.tuning_settings import TrainingSettings

CONTRACT = {
    "training.patience": {
        "value": 1,
        "beside": {"learning_rate": 1e-30},
        "why": "of large ones dev gets better",
    },
}


def task(name, answers):
    items = [
        Item(id=f"{name}-{i}", question=f"{q}?", target=a)
        for i, (q, a) in enumerate(zip(["one", "two", "three"] * 4, answers * 4, strict=True))
    ]
    return Task(name=name, metrics=("exact_match",), items=tuple(items))


ANSWERS = {"here": ["the", "is", "in"], "there": ["in", "the", "is"]}
TASKS = tuple(task(name, answers) for name, answers in ANSWERS.items())
ONE = TrainData(train=TASKS[:1])
LONG = TrainingSettings(num_epochs=40, batch_size=12, weight_decay=0.0)
METHOD = Bottleneck(reduction=2, placement="houlsby", learning_rate=2e-2, training=LONG)
SHORT = METHOD.model_copy(update={"training": TrainingSettings(num_epochs=2)})


def answers(model, asked):
    prompts = [asked.prompt(item) for item in asked.items[:3]]
    return [c.text for c in model.generate(prompts, Sampling(max_new_tokens=4, stop=("\n",)))]


def test_learns_and_leaves_the_base(tiny):
    before = {name: p.clone() for name, p in tiny.network.named_parameters()}
    tuned = METHOD.fit(tiny, ONE, seed=0)
    assert answers(tuned, TASKS[0]) == ANSWERS["here"]
    own = dict(tiny.network.named_parameters())
    assert all(torch.equal(before[name], p) for name, p in own.items())
    for name, weight in unwrap(tuned).core.network.named_parameters():
        assert ".bottlenecks." in name or weight is own[name]
    assert not hasattr(tiny.network.model.layers[0].mlp, "bottlenecks")


@pytest.mark.parametrize("placement", ["pfeiffer", "houlsby"])
def test_placements(placement, tiny):
    method = SHORT.model_copy(update={"placement": placement})
    places = unwrap(method.fit(tiny, ONE, seed=0)).core.adapter.sites
    layers = {name.rpartition(".")[2] for name in places}
    assert layers == ({"mlp"} if placement == "pfeiffer" else {"mlp", "self_attn"})


def test_tasks_that_contradict_each_other_are_learned_side_by_side(tiny, tmp_path):
    method = METHOD.model_copy(update={"is_per_task": True})
    tuned = method.fit(tiny, TrainData(train=TASKS), seed=0)
    save_model(tuned, tmp_path, outside=tiny)
    for model in (tuned, load_model(tmp_path, outside=tiny)):
        assert [answers(model, one) for one in TASKS] == list(ANSWERS.values())
        other = TASKS[0].model_copy(update={"name": "elsewhere"})
        assert answers(model, other) == answers(tiny, other)


def test_of_an_encoder_decoder_each_task_has_its_own_too(model_folder):
    base = HuggingFace(path=str(model_folder("t5"))).load()
    tuned = SHORT.model_copy(update={"is_per_task": True}).fit(base, TrainData(train=TASKS), seed=0)
    here, there = (one.prompt(one.items[0]) for one in TASKS)
    weighed = [w.logprob for w in tuned.loglikelihood([(here, "the"), (there, "the")])]
    assert weighed[0] != pytest.approx(weighed[1], abs=1e-4)


def test_dev_of_a_task_without_training_is_no_hindrance(tiny):
    data = TrainData(train=TASKS[:1], dev=TASKS)
    SHORT.model_copy(update={"is_per_task": True}).fit(tiny, data, seed=0)


def test_a_task_without_items_has_no_adapter():
    empty = TASKS[1].model_copy(update={"items": ()})
    method = SHORT.model_copy(update={"is_per_task": True})
    assert method.form(TrainData(train=(TASKS[0], empty))).tasks == ("here",)


def test_no_width_is_refused(tiny):
    with pytest.raises(ConfigError, match="reduction=33"):
        Bottleneck(reduction=33).fit(tiny, ONE, seed=0)
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Bottleneck(reduction=0)
