"""What is asked from outside reads as in the study, and ends as there."""

import pytest

from acclimate.core.domain import Item, Task
from acclimate.core.errors import ConfigError
from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import RUNNING_TEXT, Prompt
from acclimate.server.task_prompts import with_task_prompts

CAPITAL = Task(name="capital", metrics=("exact_match",), instruction="Name it.", stop=("\n", "."))
RIVER = Task(name="river", metrics=("exact_match",), template="River? {{ question }}", stop=())


class Notes(Model):
    """Remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def generate(self, prompts, sampling):
        self.asked += [(prompt, sampling) for prompt in prompts]
        return [Completion(prompt.question) for prompt in prompts]

    def loglikelihood(self, pairs):
        raise NotImplementedError


def test_a_question_reads_as_the_item_of_a_study():
    inner = Notes()
    model = with_task_prompts(inner, [CAPITAL, RIVER])
    prompts = [Prompt("France?", task="capital"), Prompt("Paris", task="river")]
    answers = model.generate(prompts, Sampling())
    assert [answer.text for answer in answers] == ["France?", "Paris"]
    expected = {
        CAPITAL.prompt(Item(id="", question="France?", target="x")),
        RIVER.prompt(Item(id="", question="Paris", target="x")),
    }
    assert {prompt for prompt, _ in inner.asked} == expected
    ends = {prompt.task: sampling.stop for prompt, sampling in inner.asked}
    assert ends == {"capital": ("\n", "."), "river": ()}


def test_what_is_said_counts_more():
    inner = Notes()
    prompt = Prompt("France?", task="capital", instruction="Shout.")
    *_, _answer = with_task_prompts(inner, [CAPITAL]).stream(prompt, Sampling(stop=("!",)))
    assert inner.asked[0][0].instruction == "Shout."
    assert inner.asked[0][1].stop == ("!",)


def test_one_task_is_meant_and_of_several_none():
    inner = Notes()
    with_task_prompts(inner, [CAPITAL]).generate([Prompt("France?")], Sampling())
    with_task_prompts(inner, [CAPITAL, RIVER]).generate([Prompt("France?")], Sampling())
    assert [prompt.task for prompt, _ in inner.asked] == ["capital", ""]


def test_running_text_stays():
    inner = Notes()
    text = Prompt("Once upon", task="capital", template=RUNNING_TEXT)
    with_task_prompts(inner, [CAPITAL]).generate([text], Sampling())
    assert inner.asked == [(text, Sampling())]


@pytest.mark.parametrize("end", ["", " Paris"])
def test_running_text_that_is_a_question_of_a_task(end):
    inner = Notes()
    text = Prompt(f"Question: France?\nAnswer:{end}", template=RUNNING_TEXT)
    with_task_prompts(inner, [CAPITAL]).generate([text], Sampling())
    expected = text.with_parts(task="capital", instruction="Name it.", retrieval_query="France?")
    assert inner.asked == [(expected, Sampling(stop=("\n", ".")))]
    assert expected.query == "France?"


@pytest.mark.parametrize("text", ["Question: France?", "France?\nAnswer:", "Question: \nAnswer:"])
def test_running_text_that_is_none(text):
    inner = Notes()
    prompt = Prompt(text, task="capital", template=RUNNING_TEXT)
    with_task_prompts(inner, [CAPITAL]).generate([prompt], Sampling())
    assert inner.asked == [(prompt, Sampling())]


def test_running_text_in_another_layout_than_the_tasks():
    inner = Notes()
    prompt = Prompt("Question: Paris\nAnswer:", task="river", template=RUNNING_TEXT)
    with_task_prompts(inner, [RIVER]).generate([prompt], Sampling())
    assert inner.asked == [(prompt, Sampling())]


def test_a_task_that_is_none_is_said():
    with pytest.raises(ConfigError, match="no task is called 'nope'; there are capital, river"):
        with_task_prompts(Notes(), [CAPITAL, RIVER]).generate(
            [Prompt("?", task="nope")], Sampling()
        )


@pytest.mark.parametrize(
    "text",
    [
        "Question: Italy?\nAnswer: Rome\n\nQuestion: France?\nAnswer:",
        "Question: France?\nAnswer: Paris\nAnswer: Lyon",
    ],
)
def test_of_a_text_with_worked_examples_the_last_question_is_sought(text):
    inner = Notes()
    with_task_prompts(inner, [CAPITAL]).generate([Prompt(text, template=RUNNING_TEXT)], Sampling())
    ((prompt, _),) = inner.asked
    assert prompt.retrieval_query == "France?"
