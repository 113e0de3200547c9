"""Stages read what those before them wrote; faults are named, and stages can be replaced."""

import pytest

from acclimate.core.catalogue import METHODS
from acclimate.core.errors import BackendError, ConfigError, UnknownNameError
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.ensembles.answer_level.pipeline_model import PipelineModel, Slot
from acclimate.methods.ensembles.pipeline import Pipeline, Stage

SAMPLING = Sampling(max_new_tokens=5)

CONTRACT = {
    "stages": {
        "value": ({"name": "summary"}, {"name": "answer", "template": "{{ summary }}!"}),
        "why": "must read one another",
    },
}


class Does(Model):
    """Answers by a function of the question."""

    def __init__(self, of, num_new_tokens=1):
        self.of, self.num_new_tokens, self.seen = of, num_new_tokens, []

    def generate(self, prompts, sampling):
        self.seen += prompts
        return [Completion(self.of(p.question), 1, self.num_new_tokens) for p in prompts]

    def loglikelihood(self, pairs):
        self.seen += [prompt for prompt, _ in pairs]
        return [LogLikelihood(-1.0, 1, 1) for _ in pairs]


def slot(name, template, min_overlap=0.0):
    return Slot(name, template, 4, ("\n",), min_overlap)


SLOTS = (
    slot("summary", "{{ question }}"),
    slot("french", "{{ summary }}"),
    slot("label", "{{ question }}|{{ summary }}|{{ french }}|{{ choices | join('/') }}"),
)
PROMPT = Prompt(question="A Long Text", item_id="7", instruction="Classify.", choices=("x", "y"))


def pipeline(*models, slots=SLOTS):
    return PipelineModel(models[-1], tuple(models[:-1]), slots)


def test_slots_are_filled_in_turn():
    first, second, last = Does(str.upper), Does(lambda q: f"le {q}"), Does(lambda q: q)
    (answer,) = pipeline(first, second, last).generate([PROMPT], SAMPLING)
    assert answer.text == "A Long Text|A LONG TEXT|le A LONG TEXT|x/y"
    # The task's instruction and choices are for the last stage.
    assert (first.seen[0].instruction, first.seen[0].choices) == ("", ())
    assert (last.seen[0].instruction, last.seen[0].choices) == ("Classify.", ("x", "y"))
    pipeline(first, second, last).loglikelihood([(PROMPT, "x"), (PROMPT, "y")])
    assert last.seen[-1].question == answer.text


def fails(_):
    raise BackendError("out of memory")


@pytest.mark.parametrize(
    ("first", "kind", "read"),
    [
        (Does(lambda _: " "), "empty", "A Long Text"),
        (Does(fails), "failed", "A Long Text"),
        (Does(lambda _: "cut here", 4), "too long", "cut here"),
    ],
)
def test_faults_are_counted_with_the_stage_named(first, kind, read):
    second = Does(lambda q: q)
    with collect_log() as book:
        pipeline(first, second, Does(lambda q: q)).generate([PROMPT], SAMPLING)
    assert second.seen[0].question == read
    faults = {name: value for name, value in book.facts.items() if "share" in name and value}
    assert faults == {f"summary: {kind}, share of questions": 1}
    assert {f"{own.name}: seconds a question" for own in SLOTS} <= set(book.facts)


def test_the_last_stages_failure_is_an_error_that_names_it():
    with pytest.raises(BackendError, match="stage 'label', item '7': out of memory"):
        pipeline(Does(str), Does(str), Does(fails)).generate([PROMPT], SAMPLING)


def test_what_is_not_consistent_is_not_used():
    slots = (slot("summary", "{{ question }}", 0.5), slot("label", "{{ summary }}"))
    last = Does(lambda q: q)
    for said, kept in (("long text", "long text"), ("a long invention", "a long invention"),
                       ("quite another thing", "A Long Text")):  # fmt: skip
        with collect_log() as book:
            pipeline(Does(lambda _, said=said: said), last, slots=slots).generate(
                [PROMPT], SAMPLING
            )
        assert last.seen[-1].question == kept
        found = book.facts["summary: inconsistent, share of questions"]
        assert found == (kept != said)


def test_a_stage_is_replaced_alone():
    first, second, last = Does(str.upper), Does(str.lower), Does(lambda q: q)
    model = pipeline(first, second, last)
    other = model.with_stage("french", Does(lambda _: "autre"))
    assert other.generate([PROMPT], SAMPLING)[0].text == "A Long Text|A LONG TEXT|autre|x/y"
    assert other.before[0] is first
    assert model.with_stage("label", second).inner is second
    with pytest.raises(UnknownNameError, match="no stage is called 'sumary'; did you mean summary"):
        model.with_stage("sumary", last)


def test_fitted_of_recipes(tiny, small_data, tmp_path):
    stages = [{"name": "note", "member": ["few_shot"]}, {"name": "end", "template": "{{ note }}?"}]
    method = METHODS.build({"name": "pipeline", "stages": stages})
    assert method.all_needs == {"train_items"}
    model = method.fit(tiny, small_data, seed=0)
    assert unwrap(model).core is tiny
    assert type(model.before[0]).__name__ == "FewShotModel"
    prompt = next(small_data.pairs("dev"))[0]
    read = (
        model.before[0]
        .generate(
            [prompt.with_parts(instruction="", choices=())],
            Sampling(max_new_tokens=64, stop=("\n\n",)),
        )[0]
        .text.strip()
    )
    assert model.render([prompt])[0].question == f"{read or prompt.question}?"
    save_model(model, tmp_path / "saved", outside=tiny)
    again = load_model(tmp_path / "saved", outside=tiny)
    assert again.slots == model.slots
    assert again.generate([prompt], SAMPLING) == model.generate([prompt], SAMPLING)


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownNameError, match="no slot before stage 'b' is called 'sumary'"):
        Pipeline(stages=[Stage(name="summary"), Stage(name="b", template="{{ sumary }}")])
    with pytest.raises(UnknownNameError, match="no slot before stage 'a' is called 'b'"):
        Pipeline(stages=[Stage(name="a", template="{{ b }}"), Stage(name="b")])
    for stages, says in (
        ([{"name": "a"}], "needs at least 2 stages, got 1"),
        ([{"name": "a"}, {"name": "a"}], "names a slot twice"),
        ([{"name": "a", "template": "{{"}, {"name": "b"}], "template, line 1"),
        ([{"name": "a b"}, {"name": "c"}], "name='a b'"),
    ):
        with pytest.raises(ConfigError, match=says):
            METHODS.build({"name": "pipeline", "stages": stages})
