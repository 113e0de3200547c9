"""The probe: right for a model that reads the passage, wrong for one that avoids it."""

import pytest

from acclimate.core.domain import Document, Domain, Item, Task
from acclimate.core.model import LogLikelihood, Model
from acclimate.evaluation.in_context_probe import in_context_accuracy

ANSWERS = ["Return the sum.", "Open the file.", "Sort the list."]
DOCUMENTS = tuple(
    Document(id=f"d{i}", text=f"## object {i}\n\n{answer} It may fail.\n")
    for i, answer in enumerate(ANSWERS)
)
TASK = Task(
    name="what",
    metrics=("choice_accuracy",),
    items=tuple(
        Item(id=str(i), question="What?", target=a, choices=tuple(ANSWERS), sources=(f"d{i}",))
        for i, a in enumerate(ANSWERS)
    ),
)


class Reader(Model):
    """Weighs what stands in the passage by `sign` above all else."""

    def __init__(self, sign):
        self.sign = sign

    def generate(self, prompts, sampling):
        raise NotImplementedError

    def loglikelihood(self, pairs):
        assert all(len(prompt.passages) == 1 for prompt, _ in pairs)
        stands = [text in prompt.passages[0].text for prompt, text in pairs]
        return [LogLikelihood(self.sign * float(is_there), 1, 1) for is_there in stands]


def domain(task=TASK, documents=DOCUMENTS):
    return Domain(name="d", dev=(task,), test=(task,), documents=documents)


@pytest.mark.parametrize(("sign", "expected"), [(1, 1.0), (-1, 0.0)])
def test_share_of_right_choices(sign, expected):
    assert in_context_accuracy(Reader(sign), domain()) == expected


def test_items_that_no_passage_answers_are_left_out():
    one = domain(documents=DOCUMENTS[:1])
    assert in_context_accuracy(Reader(1), one) == 1.0
    assert in_context_accuracy(Reader(1), domain(documents=())) is None
