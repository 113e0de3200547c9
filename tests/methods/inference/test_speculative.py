"""Guesses are measured on dev, switched off where they do not pay, and change no answer."""

import pytest

from acclimate.core.catalogue import METHODS
from acclimate.core.domain import TrainData
from acclimate.core.errors import ConfigError, NotApplicableError, UnknownNameError
from acclimate.core.model import Sampling
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import save_model
from acclimate.inference.sampling.speculative_acceptance import StepTimes
from acclimate.inference.speculative.speculative_model import SpeculativeModel
from acclimate.methods.inference import speculative as module
from acclimate.methods.inference.speculative import Speculative
from acclimate.methods.retrieval.lexical_rag import LexicalRAG
from acclimate.models.local.huggingface import HuggingFace

FREE = StepTimes(0.01, ((1, 1.0), (64, 1.0)))
DEAR = StepTimes(0.01, ((1, 1.0), (2, 2.5), (64, 99.0)))

CONTRACT = {
    "draft": {"value": (), "beside": {"num_draft_tokens": 1}, "why": "must name a recipe"},
    "max_ngram_tokens": {
        "value": 1,
        "beside": {"min_ngram_tokens": 1},
        "why": "small answers hardly repeat four tokens",
    },
    "min_ngram_tokens": {"value": 1, "why": "small answers hardly repeat three tokens"},
}


@pytest.fixture
def paced(monkeypatch):
    """Say how long things take, in place of timing them."""

    def as_if(pace):
        monkeypatch.setattr(module, "measure_step_times", lambda *_: pace)

    return as_if


@pytest.fixture
def food(small_domain):
    return [small_domain.test[1].prompt(item) for item in small_domain.test[1].items]


def test_where_it_pays_answers_are_the_same_and_it_says_what_it_measured(
    tiny, small_data, food, paced
):
    paced(FREE)
    base = LexicalRAG().fit(tiny, small_data, seed=0)
    with collect_log() as book:
        model = Speculative().fit(base, small_data, seed=0)
    core = unwrap(model).core
    assert isinstance(core, SpeculativeModel)
    assert core.inner is tiny
    facts = book.notes().facts
    rate, num = core.speculation.acceptance, facts["num_draft_tokens that pays most (0: off)"]
    assert facts["acceptance rate on dev, share of guesses"] == rate
    gains = {g: sum(rate**i for i in range(g + 1)) / (0.01 * g + 1) for g in range(33)}
    assert num == max(gains, key=gains.get) > 0
    named = "expected gain of a pass with guesses, were it as fast as one without"
    # Acceptance is looked up in steps of a hundredth.
    assert facts[named] == pytest.approx(gains[num], rel=0.02)
    # Passes without guesses go on as before.
    share, mean = facts["passes on dev with guesses, share"], facts["tokens a pass on dev"]
    own = facts["expected gain of a pass with guesses, with passes as timed"]
    whole = mean / (1 - share + (mean - 1 + share) / own)
    found = facts["expected gain over all passes, with and without guesses"]
    assert found == pytest.approx(whole)
    assert 1 < found <= own
    sampling = Sampling(max_new_tokens=24)
    expected = [answer.text for answer in base.generate(food, sampling)]
    assert [answer.text for answer in model.generate(food, sampling)] == expected
    assert core.speculation.stats.num_kept > 0


def test_where_it_does_not_pay_the_base_comes_back(tiny, small_data, paced):
    paced(DEAR)
    for method in (Speculative(), Speculative(num_draft_tokens=4), Speculative(draft=())):
        with collect_log() as book:
            assert method.fit(tiny, small_data, seed=0) is tiny
        assert book.facts["num_draft_tokens that pays most (0: off)"] == 0


def test_a_draft_is_made_by_its_recipe(tiny, model_folder, small_data, food, paced):
    paced(FREE)
    folder = {"name": "huggingface", "path": str(model_folder("mistral"))}
    with collect_log() as book:
        model = Speculative(draft=folder, num_draft_tokens=3).fit(tiny, small_data, seed=0)
    # Equal weights under another name: every guess is right.
    assert book.facts["acceptance rate on dev, share of guesses"] == 1
    assert model.speculation.choices == (3,)
    assert model.draft.network.config.model_type == "mistral"
    sampling = Sampling(max_new_tokens=16)
    expected = [answer.text for answer in tiny.generate(food, sampling)]
    assert [answer.text for answer in model.generate(food, sampling)] == expected


def test_a_draft_may_be_a_saved_model(tiny, small_data, food, paced, tmp_path):
    paced(FREE)
    save_model(LexicalRAG().fit(tiny, small_data, seed=0), tmp_path / "saved")
    method = Speculative(draft=str(tmp_path / "saved"), num_draft_tokens=3)
    assert method.reads == (str(tmp_path / "saved"),)
    model = method.fit(tiny, small_data, seed=0)
    assert model.draft is not None
    assert model.speculation.acceptance == 1
    sampling = Sampling(max_new_tokens=16)
    expected = [answer.text for answer in tiny.generate(food, sampling)]
    assert [answer.text for answer in model.generate(food, sampling)] == expected


def test_a_draft_of_another_vocabulary_is_refused(tiny, model_folder, small_data):
    draft = HuggingFace(path=str(model_folder("mistral"))).load()
    draft.tokenizer.add_tokens(["elsewhere"])
    with pytest.raises(NotApplicableError, match=r"291 tokens.*290"):
        Speculative(draft="embedded").fit(tiny, small_data, seed=0, members=[draft])


def test_what_cannot_be_guessed_for_is_refused(tiny, model_folder, small_data, paced):
    paced(FREE)
    encoder = HuggingFace(path=str(model_folder("t5"))).load()
    with pytest.raises(NotApplicableError, match="the base has an encoder"):
        Speculative().fit(encoder, small_data, seed=0)
    twice = Speculative(num_draft_tokens=1).fit(tiny, small_data, seed=0)
    assert isinstance(twice, SpeculativeModel)
    with pytest.raises(NotApplicableError, match="SpeculativeModel"):
        Speculative().fit(twice, small_data, seed=0)
    with pytest.raises(NotApplicableError, match="dev items"):
        Speculative().fit(tiny, TrainData(), seed=0)


def test_bad_settings_are_said():
    with pytest.raises(ConfigError, match="min_ngram_tokens=7 must be at most max_ngram_tokens=6"):
        METHODS.build({"name": "speculative", "min_ngram_tokens": 7})
    with pytest.raises(UnknownNameError):
        METHODS.build({"name": "speculative", "draft": "nonsense"})
