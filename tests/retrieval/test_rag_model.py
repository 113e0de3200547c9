"""A model that reads passages before it answers."""

from dataclasses import replace

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import TEMPLATE, Passage, Prompt
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.retrieval.passage_index import PassageIndex
from acclimate.retrieval.rag_model import RagModel, check_template


class Noting(Model):
    """Answers with the question and notes the prompts; `shown` is what it says it showed."""

    def __init__(self, shown=None):
        self.prompts = []
        self.shown = shown

    def _passages(self, prompt):
        return () if self.shown is None else prompt.passages[: self.shown]

    def generate(self, prompts, sampling):
        self.prompts += prompts
        return [Completion(f"re: {p.question}", passages=self._passages(p)) for p in prompts]

    def loglikelihood(self, pairs):
        self.prompts += [prompt for prompt, _ in pairs]
        return [LogLikelihood(-1.0, 1, len(text), self._passages(prompt)) for prompt, text in pairs]

    def write(self, folder):
        return {}

    @classmethod
    def read(cls, folder, fields, children):
        return cls()


CAT, HEN = Prompt("what does the cat eat", item_id="1"), Prompt("house of the hen", item_id="2")


@pytest.fixture
def index(tmp_path, documents):
    return PassageIndex.build(tmp_path / "i", documents, chunk_tokens=8, overlap_tokens=0)


@pytest.fixture
def model(index):
    return RagModel(Noting(), index, 2, "lexical")


def test_a_stream_ends_with_what_it_rests_on(model):
    (whole,) = model.generate([CAT], Sampling())
    *pieces, streamed = model.stream(CAT, Sampling())
    assert "".join(pieces) == whole.text
    assert streamed == whole
    assert streamed.passages


def test_prompts_get_passages_best_first(model, index):
    rendered = model.render([HEN, CAT, HEN])
    found = index.search([HEN.question, CAT.question], num_passages=2, mode="lexical")
    assert [p.passages for p in rendered] == [tuple(found[0]), tuple(found[1]), tuple(found[0])]
    assert [p.with_parts(passages=()) for p in rendered] == [HEN, CAT, HEN]
    assert found[0][0].title == "Hen > Home"


def test_each_question_is_searched_for_once(model, monkeypatch):
    asked = []
    search = PassageIndex.search

    def noting(self, queries, **options):
        asked.append(list(queries))
        return search(self, queries, **options)

    monkeypatch.setattr(PassageIndex, "search", noting)
    model.loglikelihood([(CAT, "a"), (CAT, "b"), (HEN, "a"), (CAT, "c")])
    assert asked == [[CAT.question, HEN.question]]


def test_what_is_sought_is_searched_for(model, index):
    (rendered,) = model.render([Prompt(HEN.question, retrieval_query=CAT.question)])
    ((first, *_),) = index.search([CAT.question], num_passages=1, mode="lexical")
    assert (rendered.question, rendered.passages[0]) == (HEN.question, first)


def test_answers_name_their_passages_and_stay_as_they_are(model):
    answers = model.generate([CAT, HEN], Sampling())
    assert [a.text for a in answers] == [f"re: {CAT.question}", f"re: {HEN.question}"]
    assert [a.passages for a in answers] == [p.passages for p in model.render([CAT, HEN])]


def test_weighed_choices_name_their_passages(model):
    weighed = model.loglikelihood([(CAT, "x"), (HEN, "yy")])
    assert [w.passages for w in weighed] == [p.passages for p in model.render([CAT, HEN])]
    assert [w.num_bytes for w in weighed] == [1, 2]


def test_what_the_model_inside_showed_is_what_counts(model):
    short = replace(model, inner=Noting(shown=1))
    (answer,) = short.generate([CAT], Sampling())
    (weighed,) = short.loglikelihood([(CAT, "x")])
    assert answer.passages == weighed.passages == model.render([CAT])[0].passages[:1]


def test_passages_of_another_method_stay_and_none_comes_twice(model):
    other = Passage("z", "Z", "zebra")
    first = model.render([CAT])[0].passages[0]
    found = model.render([CAT.with_parts(passages=(other, first))])[0].passages
    assert found == (other, first, model.render([CAT])[0].passages[1])


def test_template_replaces_the_prompts_own_only_if_there_is_one(model):
    asked = CAT.with_parts(template="{{ question }}")
    assert model.render([asked])[0].template == "{{ question }}"
    mine = replace(model, template="{{ passages }} {{ question }}")
    assert mine.render([asked])[0].template == "{{ passages }} {{ question }}"


def test_saved_and_loaded_it_answers_the_same(model, tmp_path):
    model = replace(model, template="{{ passages }} {{ question }}")
    before = model.generate([CAT, HEN], Sampling())
    save_model(model, tmp_path / "saved")
    (tmp_path / "i").rename(tmp_path / "gone")
    loaded = load_model(tmp_path / "saved")
    assert loaded.generate([CAT, HEN], Sampling()) == before
    assert (loaded.num_passages, loaded.how, loaded.template) == (2, "lexical", model.template)


def test_around_another_model(model):
    other = Noting()
    assert model.around(other).inner is other
    assert model.around(other).index is model.index


def test_no_prompts(model):
    assert model.generate([], Sampling()) == []
    assert model.loglikelihood([]) == []


def test_templates_that_can_be():
    check_template("")
    check_template(TEMPLATE)


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ question }}", "never shows 'passages'"),
        ("{{ passages }}", "never shows 'question'"),
        ("a\n{% for p in passages %}{{ question }}", "line 2: "),
    ],
)
def test_templates_that_cannot_be(template, fault):
    with pytest.raises(ConfigError, match=fault):
        check_template(template)


def test_a_network_cites_only_what_its_window_left(index, tiny):
    class Small(type(tiny)):
        window = 90

    inner = Small(tiny.network, tiny.tokenizer)
    model = RagModel(inner, index, 5, "lexical")
    rendered = model.render([CAT])[0]
    shown, _ = inner.prompt_tokenizer.fitted(rendered, 4)
    assert 0 < len(shown.passages) < len(rendered.passages)
    (answer,) = model.generate([CAT], Sampling(max_new_tokens=4))
    assert answer.passages == shown.passages
    assert answer.prompt == inner.prompt_tokenizer.text(shown)
    (weighed,) = model.loglikelihood([(CAT, "meat")])
    assert 0 < len(weighed.passages) < len(rendered.passages)


def test_a_network_that_has_room_for_no_passage_cites_none(index, tiny):
    class Tiny(type(tiny)):
        window = 30

    model = RagModel(Tiny(tiny.network, tiny.tokenizer), index, 5, "lexical")
    assert model.generate([CAT], Sampling(max_new_tokens=2))[0].passages == ()
