"""Two passes: steps after a cue, then the answer; what the inner model is asked, by hand."""

import pytest

from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Example, Prompt
from acclimate.prompting.chain_of_thought import ChainOfThoughtModel, extract_answer


class Noting(Model):
    """Answers from a list, and notes what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def generate(self, prompts, sampling):
        self.asked.append((list(prompts), sampling))
        return [Completion(self.answers.pop(0)) for _ in prompts]

    def loglikelihood(self, pairs):
        self.asked.append((list(pairs), None))
        return [LogLikelihood(-1.0, 1, 1) for _ in pairs]


def test_steps_then_answer():
    inner = Noting("two and two", "4. The answer is four.")
    model = ChainOfThoughtModel(inner, "Think.", "So", 7)
    (answer,) = model.generate([Prompt("2 + 2?")], Sampling(max_new_tokens=5))
    (first, how), (second, then) = inner.asked
    assert first == [Prompt("2 + 2?", answer_prefix="Think.")]
    assert how == Sampling(max_new_tokens=7, stop=("\n",))
    assert second == [Prompt("2 + 2?", answer_prefix="Think. two and two So")]
    assert then == Sampling(max_new_tokens=5)
    assert answer.text == "four"


def test_no_steps_leave_no_gap():
    model = ChainOfThoughtModel(Noting(""), "Think.", "So", 7)
    assert model.render([Prompt("?")])[0].answer_prefix == "Think. So"


def test_examples_are_shown_the_way_to_answer():
    model = ChainOfThoughtModel(Noting("s"), "Think.", "So", 7)
    examples = (Example("1 + 1?", "2", "One more."), Example("0 + 0?", "0"))
    (prompt,) = model.render([Prompt("2 + 2?", examples=examples)])
    assert [e.rationale for e in prompt.examples] == ["Think. One more. So", "Think. So"]
    assert [e.answer for e in prompt.examples] == ["2", "0"]


def test_choices_of_one_question_share_its_steps():
    inner = Noting("a step")
    model = ChainOfThoughtModel(inner, "Think.", "So", 7)
    model.loglikelihood([(Prompt("?"), "yes"), (Prompt("?"), "no")])
    (steps, _), (weighed, _) = inner.asked
    assert len(steps) == 1
    assert [(p.answer_prefix, text) for p, text in weighed] == [
        ("Think. a step So", "yes"),
        ("Think. a step So", "no"),
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" blue.", "blue."),
        ("Therefore, the answer is blue.", "blue"),
        ("The answer is: red. No, the answer is blue", "blue"),
        ("I say answer is 3.5", "3.5"),
        ("the  answer\nis  x ", "x"),
        ("the answer is", "the answer is"),
        ("the answer is:", "the answer is:"),
        ("The answer is blue.\nThe answer is", "blue"),
        ("My answer isn't known", "My answer isn't known"),
        ("", ""),
    ],
)
def test_the_answer_is_what_stands_after_the_last_cue(text, answer):
    assert extract_answer(text) == answer
