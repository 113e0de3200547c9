"""The manner is learned and what the base did is kept, which without the guard is lost."""

import pytest

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import NotApplicableError, UnknownNameError
from acclimate.core.model import Sampling
from acclimate.core.runtime.fit_log import collect_log
from acclimate.methods.alignment.behavioral_tuning import BehavioralTuning
from acclimate.methods.tuning.full_finetuning import FullFinetuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.tuning_settings import TrainingSettings

ASKED = Task(
    name="asked",
    metrics=("exact_match",),
    max_new_tokens=6,
    items=tuple(Item(id=f"a{i}", question=f"Ask {i}?", target="the answer is") for i in range(12)),
)
CHAT = Task(
    name="chat",
    metrics=("exact_match",),
    max_new_tokens=6,
    items=tuple(Item(id=f"c{i}", question=f"Chat {i}?", target="in the") for i in range(12)),
)
BOTH = TrainData(train=(CHAT, ASKED))
LONG = TrainingSettings(num_epochs=12, batch_size=8)
METHOD = BehavioralTuning(tasks=("chat",), learning_rate=1e-2, training=LONG)

CONTRACT = {
    "tasks": {"value": ("food",), "why": "must name tasks of the domain"},
}


@pytest.fixture(scope="module")
def able(tiny):
    """A base that fulfils what it is asked, and knows no chat."""
    full = FullFinetuning(
        learning_rate=1e-2, training=TrainingSettings(num_epochs=20, batch_size=12)
    )
    return full.fit(tiny, TrainData(train=(ASKED,)), seed=0)


def share(model, task):
    """Of the items answered as wanted."""
    sampling = Sampling(max_new_tokens=task.max_new_tokens, stop=task.stop)
    said = model.generate([task.prompt(item) for item in task.items], sampling)
    return sum(s.text == i.target for s, i in zip(said, task.items, strict=True)) / len(said)


def test_the_manner_is_learned_and_what_the_base_did_is_kept(able):
    assert share(able, ASKED) == 1.0
    guarded = METHOD.fit(able, BOTH, seed=0)
    assert share(guarded, CHAT) == 1.0
    assert share(guarded, ASKED) == 1.0
    bare = METHOD.model_copy(update={"guard_share": 0.0}).fit(able, BOTH, seed=0)
    assert share(bare, CHAT) == 1.0
    assert share(bare, ASKED) < 0.5


def rows(method, base, data):
    with collect_log() as book:
        method.model_copy(update={"training": TrainingSettings(num_epochs=1)}).fit(
            base, data, seed=0
        )
    return book.facts


@pytest.mark.parametrize(("guard_share", "num_rows"), [(0.5, 12), (0.25, 4), (0.75, 36)])
def test_so_many_rows_are_the_guard(able, guard_share, num_rows):
    method = METHOD.model_copy(update={"guard_share": guard_share})
    found = rows(method, able, BOTH)
    assert found["rows that show the manner"] == 12
    assert found["rows of the guard, requests that the base fulfils"] == num_rows


def test_what_the_base_does_not_fulfil_is_no_guard_and_it_writes_text_instead(tiny):
    found = rows(METHOD, tiny, BOTH)
    assert found["rows of the guard, requests that the base fulfils"] == 0
    assert found["rows of general text among the training rows"] > 0


def test_all_tasks_show_it_where_none_is_named(able):
    found = rows(METHOD.model_copy(update={"tasks": ()}), able, BOTH)
    assert found["rows that show the manner"] == 24
    assert found["rows of the guard, requests that the base fulfils"] == 0


def test_a_task_that_is_not_there_is_named(tiny):
    with pytest.raises(UnknownNameError, match="did you mean chat"):
        BehavioralTuning(tasks=("chta",)).fit(tiny, BOTH, seed=0)


def test_an_encoder_decoder_needs_other_tasks(model_folder):
    t5 = HuggingFace(path=str(model_folder("t5"))).load()
    with pytest.raises(NotApplicableError, match="set guard_share to 0"):
        rows(METHOD, t5, BOTH)
    rows(METHOD.model_copy(update={"guard_share": 0.0}), t5, BOTH)
