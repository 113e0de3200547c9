"""Several examples before the question."""

import pytest

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.rewriter import unwrap
from acclimate.data.prompt_template import as_text
from acclimate.methods.prompting.few_shot import FewShot


def shown(method, tiny, data, prompts, seed=0):
    return unwrap(method.fit(tiny, data, seed=seed)).render(prompts)


@pytest.fixture
def asked(small_domain):
    return [task.prompt(item) for task in small_domain.test for item in task.items]


def test_every_question_of_a_task_sees_the_same_draw(tiny, small_data, asked):
    prompts = shown(FewShot(num_shots=3), tiny, small_data, asked)
    for task in small_data.train:
        own = [p.examples for p in prompts if p.task == task.name]
        assert len(set(own)) == 1
        assert len(set(own[0])) == 3
        assert {e.question for e in own[0]} <= {i.question for i in task.items}


def test_layout_by_hand(tiny, small_data, asked):
    (prompt,) = shown(FewShot(num_shots=2), tiny, small_data, asked[-1:])
    first, second = prompt.examples
    assert as_text(prompt) == (
        f"Question: {first.question}\nAnswer: {first.answer}\n\n"
        f"Question: {second.question}\nAnswer: {second.answer}\n\n"
        f"Question: {asked[-1].question}\nAnswer:"
    )


def test_examples_are_training_items_alone(tiny, small_data, small_domain, asked):
    every = FewShot(num_shots=100, selection="nearest")
    shown_questions = {
        e.question for p in shown(every, tiny, small_data, asked) for e in p.examples
    }
    training = {i.question for task in small_data.train for i in task.items}
    assert shown_questions == training


def test_the_answer_is_the_bases_with_the_examples_written_out(tiny, small_data, asked):
    """Independently: the laid-out text, asked as it is."""
    model = FewShot(num_shots=2).fit(tiny, small_data, seed=0)
    (prompt,) = unwrap(model).render(asked[:1])
    written = asked[0].with_parts(template="{% raw %}" + as_text(prompt) + "{% endraw %}")
    sampling = Sampling(max_new_tokens=4)
    ours, theirs = model.generate(asked[:1], sampling), tiny.generate([written], sampling)
    assert [c.text for c in ours] == [c.text for c in theirs]
    (ours,) = model.loglikelihood([(asked[0], "red")])
    (theirs,) = tiny.loglikelihood([(written, "red")])
    assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)


def test_without_training_items_it_is_refused(tiny, small_data):
    with pytest.raises(NotApplicableError, match="few_shot needs training items"):
        FewShot().require(tiny, TrainData())
    empty = tuple(task.model_copy(update={"items": ()}) for task in small_data.train)
    with pytest.raises(NotApplicableError, match="few_shot needs training items"):
        FewShot().require(tiny, TrainData(train=empty))
