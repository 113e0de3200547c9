"""Items, tasks, domains: prompts, pairs, digests; no test item reaches a method."""

import hashlib

import pytest
from pydantic import ValidationError

from acclimate.core.domain import Document, Domain, Item, Task, TrainData
from acclimate.core.errors import ConfigError
from acclimate.core.prompt import Prompt
from acclimate.core.record import Record, digest

ITEM = Item(id="1", question="2 + 2?", target="4", choices=("4", "5"))
TASK = Task(name="sums", metrics=("exact_match",), instruction="Add.", items=(ITEM,))


def test_cluster_is_the_group_or_the_item_itself():
    assert ITEM.cluster == "1"
    assert ITEM.model_copy(update={"group": "g"}).cluster == "g"


def test_prompt_of_an_item():
    found = TASK.prompt(ITEM)
    assert found == Prompt(
        "2 + 2?", task="sums", item_id="1", instruction="Add.", choices=("4", "5")
    )
    odd = TASK.model_copy(update={"template": "{{ question }}"})
    assert odd.prompt(ITEM).template == "{{ question }}"


def test_records_are_frozen_and_refuse_what_they_do_not_know():
    with pytest.raises(ValidationError, match="frozen"):
        ITEM.target = "5"
    with pytest.raises(ValidationError, match="Extra inputs"):
        Item(id="1", question="?", target="4", colour="red")


def test_training_data_are_everything_but_the_test():
    dev = TASK.model_copy(update={"items": (ITEM.model_copy(update={"id": "2"}),)})
    test = TASK.model_copy(update={"items": (ITEM.model_copy(update={"id": "secret"}),)})
    pages = (Document(id="d", text="Four."),)
    domain = Domain(name="d", train=(TASK,), dev=(dev,), test=(test,), documents=pages)
    data = domain.train_data()
    assert "secret" not in data.model_dump_json()
    assert data == TrainData(train=(TASK,), dev=(dev,), documents=pages)
    assert [(p.item_id, i.id) for p, i in data.pairs("train")] == [("1", "1")]
    assert [(p.item_id, i.id) for p, i in data.pairs("dev")] == [("2", "2")]
    with pytest.raises(ValidationError, match="Extra inputs"):
        TrainData(test=(test,))


def test_task_by_name():
    domain = Domain(name="d", test=(TASK,))
    assert domain.task("sums") is domain.test[0]
    with pytest.raises(ConfigError, match=r"d has no task 'sum'; it has \['sums'\]"):
        domain.task("sum")


def test_digest_is_of_canonical_json():
    """Sorted keys, no spaces, text as it is: by hand."""
    text = '{"a":[1,"é"],"b":{"id":"d","text":"x","title":""}}'
    value = {"b": Document(id="d", text="x"), "a": (1, "é")}
    assert digest(value) == hashlib.sha256(text.encode()).hexdigest()


def test_digest_tells_values_apart():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert digest("12") != digest(12)
    assert digest(TASK) != digest(TASK.model_copy(update={"instruction": "Sum."}))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_record_holds_what_json_can_say(number):
    class Kept(Record):
        """Kept."""

        score: float
        """A score."""

    with pytest.raises(ValueError, match="finite number"):
        Kept(score=number)
