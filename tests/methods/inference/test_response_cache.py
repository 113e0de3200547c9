"""The response cache as a method: what it may share is chosen on dev, and hits are fast."""

import time

import numpy as np
import pytest

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.inference.response_cache import ResponseCache
from acclimate.statistics.binomial import upper_bound
from small_echo import Echo

WAYS = ("how do I {} the {}", "please tell me how I {} the {}")
VERBS = ("open", "close", "paint", "clean", "lift", "turn", "sell", "find", "mend", "wash")
THINGS = ("door", "window", "box", "gate", "lid", "drawer", "jar", "bag", "book", "tap")

CONTRACT = {
    "max_bytes": {"value": 0, "why": "a byte more or less keeps as many answers"},
    "max_age_hours": {"value": 1e-12, "why": "no answer here grows old"},
    "encoder": {"why": "there are too few dev items to choose likeness on"},
    "is_sampled_kept": {"why": "no answer is drawn here"},
    "is_saved": {"why": "the answers asked for are those of models in memory"},
}


def domain(is_alike_right=True, num_metrics=1):
    """Each question of dev stands there twice, in other words; the pairs are groups of their own.

    Where what is alike is not right, the second of each pair has another answer.
    """
    items, train, table = [], [], {}
    for verb in VERBS:
        for thing in THINGS:
            for number, way in enumerate(WAYS):
                question = way.format(verb, thing)
                target = f"{verb} {thing}" if is_alike_right else f"{verb} {thing} {number}"
                items.append(Item(id=question, question=question, target=target))
                train.append(Item(id=f"t {question}", question=question + " now", target=target))
                table[question] = target
    said = {"name": "say", "metrics": ("exact_match",)}
    data = TrainData(
        train=(Task(**said, items=tuple(train)),), dev=(Task(**said, items=tuple(items)),)
    )
    return Echo(table=table), data


def fitted(base, data, **fields):
    with collect_log() as book:
        model = ResponseCache(**fields).fit(base, data, seed=0)
    return model, book.facts


def test_by_default_only_the_same_prompt_is_shared():
    base, data = domain()
    model, facts = fitted(base, data)
    assert model.similarity is None
    assert (facts, base.asked) == ({}, [])


def test_a_threshold_is_chosen_for_the_stated_rate():
    base, data = domain()
    model, facts = fitted(base, data, max_false_hit_rate=0.1)
    assert facts["sharing answers by likeness"] == "on"
    threshold = facts["cosine from which on an answer is shared"]
    assert threshold == model.similarity.threshold
    assert facts["false hits, share of hits, upper bound at 95 % confidence"] <= 0.1
    # Counted again, item by item: the nearest other item, and whether it asks for the same.
    items = data.dev[0].items
    vectors = model.similarity.vectors([Prompt(item.question) for item in items])
    cosines = vectors @ vectors.T - 2 * np.eye(len(items), dtype=np.float32)
    nearest = cosines.argmax(1)
    hits = cosines.max(1) >= threshold - 1e-6
    false = np.array([items[i].target != items[j].target for i, j in enumerate(nearest)])
    assert facts["dev items that share another's answer, share of those tried"] == pytest.approx(
        hits.mean()
    )
    assert facts["false hits on dev, share of hits"] == pytest.approx(false[hits].mean())
    bound = upper_bound(int(false[hits].sum()), int(hits.sum()), 0.995)
    assert facts["false hits, share of hits, upper bound at 95 % confidence"] == pytest.approx(
        bound
    )
    (answer,) = model.generate([Prompt("how do I open the door")], Sampling())
    (other,) = model.generate([Prompt("tell me please how I open the door")], Sampling())
    assert other.text == answer.text == "open door"


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"is_alike_right": False}, {"max_false_hit_rate": 0.1}),
        ({}, {"max_false_hit_rate": 0.001}),
    ],
)
def test_off_where_no_threshold_is_safe(change, fields):
    base, data = domain(**change)
    model, facts = fitted(base, data, **fields)
    assert model.similarity is None
    assert facts["sharing answers by likeness"].startswith("off: no cosine is surely below")


def test_a_model_that_is_never_right_shares_nothing():
    _, data = domain()
    model, facts = fitted(Echo(), data, max_false_hit_rate=0.5)
    assert model.similarity is None
    assert "200 dev items" in facts["sharing answers by likeness"]


def test_items_of_one_group_count_once():
    base, data = domain()
    (task,) = data.dev
    items = tuple(i.model_copy(update={"group": i.target}) for i in task.items)
    grouped = data.model_copy(update={"dev": (task.model_copy(update={"items": items}),)})
    _, facts = fitted(base, grouped, max_false_hit_rate=0.001)
    assert "100 dev items" in facts["sharing answers by likeness"]


def test_choices_are_not_tried(small_data):
    choices = small_data.model_copy(update={"dev": small_data.dev[:1]})
    base = Echo()
    _, facts = fitted(base, choices, max_false_hit_rate=0.5)
    assert "on 0 dev items" in facts["sharing answers by likeness"]
    assert base.asked == []


def test_without_a_text_to_learn_from_nothing_is_shared():
    base, data = domain()
    _, facts = fitted(base, data.model_copy(update={"train": ()}), max_false_hit_rate=0.5)
    assert "off" in facts["sharing answers by likeness"]


def test_another_encoder_is_asked(monkeypatch):
    class Blind:
        learns = False

        def encode(self, texts):
            return np.ones((len(texts), 1), np.float32)

    monkeypatch.setattr("acclimate.retrieval.encoders.load._transformer", lambda _: Blind())
    base, data = domain()
    model, _ = fitted(base, data, max_false_hit_rate=0.1, encoder="other")
    assert model.similarity is None


def test_fields_come_to_the_model(tmp_path):
    told = {"max_bytes": 7, "max_age_hours": 2.0, "is_sampled_kept": True, "is_saved": True}
    model, _ = fitted(Echo(), TrainData(), **told)
    save_model(model, tmp_path / "saved")
    keeping = load_model(tmp_path / "saved").policy
    assert (keeping.max_bytes, keeping.max_age_seconds) == (7, 7200)
    assert keeping.is_sampled_kept
    assert keeping.is_saved


@pytest.mark.parametrize("field", ["max_bytes", "max_age_hours", "max_false_hit_rate"])
def test_negative_numbers_are_refused(field):
    with pytest.raises((ConfigError, ValueError), match=field):
        ResponseCache(**{field: -1})


def test_a_hit_takes_less_than_two_milliseconds(tiny, small_domain):
    model = ResponseCache().fit(tiny, small_domain.train_data(), seed=0)
    prompts = [task.prompt(item) for task in small_domain.test for item in task.items]
    sampling = Sampling(max_new_tokens=4)
    model.generate(prompts, sampling)
    taken = []
    for number in range(400):
        start = time.perf_counter()
        model.generate([prompts[number % len(prompts)]], sampling)
        taken.append(time.perf_counter() - start)
    # The median: other processes on the machine that tests may not be slowed by the 99th.
    assert np.median(taken) < 0.002
