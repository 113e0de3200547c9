"""One example before the question."""

import pytest

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.rewriter import unwrap
from acclimate.data.prompt_template import as_text
from acclimate.methods.prompting.few_shot import FewShot
from acclimate.methods.prompting.one_shot import OneShot


@pytest.fixture
def asked(small_domain):
    return small_domain.test[1].prompt(small_domain.test[1].items[0])


def shown(method, tiny, data, asked, seed=0):
    (prompt,) = unwrap(method.fit(tiny, data, seed=seed)).render([asked])
    return prompt


def test_one_example_of_the_same_task(tiny, small_data, asked):
    prompt = shown(OneShot(), tiny, small_data, asked)
    (example,) = prompt.examples
    pairs = {(i.question, i.target) for i in small_data.train[1].items}
    assert (example.question, example.answer) in pairs
    assert as_text(prompt) == (
        f"Question: {example.question}\nAnswer: {example.answer}\n\n"
        f"Question: {asked.question}\nAnswer:"
    )


@pytest.mark.parametrize("selection", ["random", "nearest"])
def test_the_same_as_few_shot_with_one(tiny, small_data, asked, selection):
    for seed in range(3):
        one = shown(OneShot(selection=selection), tiny, small_data, asked, seed)
        few = FewShot(num_shots=1, selection=selection)
        assert one == shown(few, tiny, small_data, asked, seed)


def test_the_nearest_is_the_same_for_every_seed(tiny, small_data, asked):
    method = OneShot(selection="nearest")
    assert not method.depends_on_seed
    found = {shown(method, tiny, small_data, asked, seed).examples for seed in range(4)}
    assert len(found) == 1
    assert OneShot().depends_on_seed


def test_without_training_items_it_is_refused(tiny):
    with pytest.raises(NotApplicableError, match="one_shot needs training items"):
        OneShot().require(tiny, TrainData())
