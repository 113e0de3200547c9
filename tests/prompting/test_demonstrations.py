"""Examples in the prompt: drawn once by seed, or nearest to the question."""

import pytest

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import Example, Prompt
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.prompting.demonstrations import FewShotModel, all_examples, draw_examples


class Silent(Model):
    """Answers nothing, and can be saved."""

    def generate(self, prompts, sampling):
        return [Completion("") for _ in prompts]

    def loglikelihood(self, pairs):
        raise NotImplementedError

    def write(self, folder):
        return {}

    @classmethod
    def read(cls, folder, fields, children):
        return cls()


def task(name, *questions):
    items = tuple(
        Item(id=f"{name}{q}", question=q, target=q.upper(), rationale="so") for q in questions
    )
    return Task(name=name, metrics=("exact_match",), items=items)


DATA = TrainData(train=(task("a", *"bcdefgh"), task("z", "yes")))


def test_everything_is_every_item_by_task():
    pool = all_examples(DATA)
    assert pool["z"] == (Example("yes", "YES", "so"),)
    assert [e.question for e in pool["a"]] == list("bcdefgh")


def test_drawn_without_repeats_by_seed():
    pool = draw_examples(DATA, 3, seed=0)
    questions = [e.question for e in pool["a"]]
    assert len(set(questions)) == 3
    assert pool == draw_examples(DATA, 3, seed=0)
    assert len({draw_examples(DATA, 3, seed=s)["a"] for s in range(9)}) > 5
    assert len(pool["z"]) == 1


def test_more_shots_add_to_fewer():
    """So that a curve over the number of shots compares like with like."""
    assert draw_examples(DATA, 5, seed=1)["a"][:2] == draw_examples(DATA, 2, seed=1)["a"]


def test_examples_are_of_the_questions_own_task():
    model = FewShotModel(Silent(), all_examples(DATA), 2, "random")
    own, other, none = model.render([Prompt("?", task="a"), Prompt("?", task="z"), Prompt("?")])
    assert [e.question for e in own.examples] == ["b", "c"]
    assert [e.question for e in other.examples] == ["yes"]
    assert none.examples == ()


def test_nearest_stand_next_to_the_question():
    pool = {
        "t": tuple(
            Example(q, "x")
            for q in ("how to read a file", "how to write a file", "what is a cat", "who was Ada")
        )
    }
    model = FewShotModel(Silent(), pool, 2, "nearest")
    (asked,) = model.render([Prompt("how to write a long file", task="t")])
    assert [e.question for e in asked.examples] == ["how to read a file", "how to write a file"]
    (asked,) = model.render([Prompt("is it a cat", task="t")])
    assert asked.examples[-1].question == "what is a cat"


@pytest.mark.parametrize("selection", ["random", "nearest"])
def test_saved_and_loaded_shows_the_same(tmp_path, selection):
    model = FewShotModel(Silent(), all_examples(DATA), 2, selection, "{{ question }} é")
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    asked = [Prompt("c", task="a"), Prompt("h", task="a"), Prompt("?", task="none")]
    assert again.render(asked) == model.render(asked)
    assert again.render(asked)[0].template == "{{ question }} é"
    assert again.generate(asked, Sampling()) == [Completion("")] * 3
