"""Answers to items: asked in order, of the kind that the task's metrics read."""

from dataclasses import dataclass, field

from acclimate.core.domain import Item, Task
from acclimate.core.model import Completion, LogLikelihood, Model
from acclimate.evaluation.answers import answers_to, metrics_of

SAY = Task(
    name="say",
    metrics=("exact_match", "brevity"),
    max_new_tokens=7,
    stop=("!",),
    items=(Item(id="1", question="x", target="x"), Item(id="2", question="y", target="z")),
)
PICK = Task(
    name="pick",
    metrics=("choice_accuracy",),
    items=(Item(id="3", question="b", target="b", choices=("a", "b", "long")),),
)


@dataclass
class Echo(Model):
    """Says the question, and finds it the likeliest choice a byte but for long ones in all."""

    samplings: list = field(default_factory=list)

    def generate(self, prompts, sampling):
        self.samplings.append(sampling)
        return [Completion(p.question) for p in prompts]

    def loglikelihood(self, pairs):
        return [LogLikelihood(-1.0 if c == p.question else -3.0, 1, len(c)) for p, c in pairs]


def test_free_answers_as_the_task_wants_them():
    model = Echo()
    found = list(answers_to(model, SAY, SAY.items))
    assert [(a.item.id, a.text) for a in found] == [("1", "x"), ("2", "y")]
    assert (model.samplings[0].max_new_tokens, model.samplings[0].stop) == (7, ("!",))
    exact = next(iter(metrics_of(SAY).values()))
    assert [a.score(exact) for a in found] == [1.0, 0.0]


def test_the_likeliest_choice_a_byte():
    # -1 a byte for b, -3 for a, -0.75 for the long one.
    (found,) = answers_to(Echo(), PICK, PICK.items)
    assert found.text == "long"
    assert found.score(next(iter(metrics_of(PICK).values()))) == 0.0


def test_main_metric_first():
    assert list(metrics_of(SAY)) == ["exact_match", "brevity"]
