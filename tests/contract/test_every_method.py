"""What holds for every method: it is here by being in the folder."""

import inspect
import shutil
from contextlib import suppress
from functools import cache
from typing import Any

import pytest

from acclimate.core.cost import metered
from acclimate.core.data import TrainData
from acclimate.core.errors import MissingExtraError
from acclimate.core.method import NEEDS, Method
from acclimate.core.saved import load_model, save_model
from contract.alternatives import (
    alternative,
    check_documented,
    check_own_test,
    check_round_trip,
    check_summary,
    merged,
    settings,
    written,
)
from contract.fitting import (
    METHODS,
    SAMPLING,
    LastWord,
    answers_of,
    differs,
    fit,
    plain,
    weights_of,
)

NAMES = list(METHODS.entries)

OVERRIDES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "target_modules": (("q_proj",), {}, "must name layers of the network"),
    "encoder": ("other", {}, "must name an encoder; this one is put in its place below"),
    "training.warmup_share": (0.5, {}, "a run of few steps warms up over one of them, or half"),
    "response_cache.max_bytes": (0, {}, "a byte more or less keeps as many answers"),
    "response_cache.max_age_hours": (1e-12, {}, "no answer here grows old"),
    "prefix_cache.prefix_bytes": (0, {}, "a byte more or less keeps as many tokens"),
    "stacked.members": (("zero_shot", "few_shot"), {}, "must name recipes"),
    "stacked.estimator": ("GaussianNB", {}, "must name a classifier"),
    "cascade.members": (("few_shot", "zero_shot"), {}, "must name recipes"),
    "cascade.target": (
        "cost",
        {"members": ((), "lexical_rag")},
        "a base that is the best passes nothing on, and passages cost enough to pass some on for",
    ),
    "cascade.share": (0.3, {"members": ((), "lexical_rag"), "target": "cost"}, "as above"),
    "pipeline.stages": (
        ({"name": "summary"}, {"name": "answer", "template": "{{ summary }}!"}),
        {},
        "must read one another",
    ),
    "speculative.draft": ((), {"num_draft_tokens": 1}, "must name a recipe"),
    "speculative.max_ngram_tokens": (
        1,
        {"min_ngram_tokens": 1},
        "small answers hardly repeat four tokens",
    ),
    "speculative.min_ngram_tokens": (1, {}, "small answers hardly repeat three tokens"),
    "output_vote.members": (("zero_shot", "few_shot"), {}, "must name recipes"),
    **{
        f"{name}.{field}": (value, {}, reason)
        for name in ("average", "weighted_average", "token_vote", "phrase_vote", "byte_average")
        for field, value, reason in (
            ("members", ("zero_shot", "one_shot"), "must name recipes"),
            ("weights", (3, 1), "must be one a member"),
        )
        if (name, field) != ("average", "weights")
    },
    "token_vote.rule": ("ranked", {}, "members weigh the same, so that weighted is majority"),
    "token_vote.weights": ((3, 1), {"rule": "weighted"}, "must be one a member"),
    "token_vote.outlier_prob": (
        0.02,
        {"rule": "weighted", "weights": (3, 1)},
        "of two that weigh the same, a token that both vote for wins anyway",
    ),
    "byte_average.max_hypotheses": (1, {}, "a share of a thousandth keeps fewer than the default"),
    "phrase_vote.max_phrase_tokens": (1, {}, "the answers asked for are shorter than the default"),
    "output_vote.weigh_by": ("confidence", {"rule": "weighted"}, "matters to that rule alone"),
    "output_vote.weights": ((3, 1, 1), {"rule": "weighted"}, "must be one a member"),
    "sac.members": (("zero_shot", "one_shot"), {}, "must name recipes"),
    "sac.objectives": ({"brevity": 1.0}, {}, "must name objectives"),
    "sac.temperatures": ((0.0,), {}, "must be some, in rising order"),
    "sac.num_components": (4, {}, "the small items have fewer than the default"),
    "continued_pretraining.max_seq_len": (
        32,
        {},
        "the small base's context is shorter than the default",
    ),
    "continued_pretraining.training.batch_size": (
        2,
        {},
        "the small pages are fewer windows than a batch",
    ),
    "continued_pretraining.training.evals_per_epoch": (
        2,
        {"training": {"batch_size": 2}},
        "an epoch of one batch has room for one look",
    ),
    "behavioral_tuning.tasks": (("food",), {}, "must name tasks of the domain"),
    "domain_tokens.tokens": (("morning",), {}, "must be words of the documents"),
    "domain_tokens.descriptions": (
        {"morning": "the early day"},
        {"tokens": ("morning",)},
        "must be of words that are added",
    ),
    "domain_tokens.num_tokens": (1, {}, "the small documents have a few long words, not hundreds"),
    "domain_tokens.min_count": (9, {}, "the words of small documents are met 4, 8 or 16 times"),
    "domain_tokens.max_seq_len": (32, {}, "the small base's context is as short as the default"),
    "domain_tokens.training.batch_size": (2, {}, "the small pages are fewer windows than a batch"),
    "domain_tokens.training.evals_per_epoch": (
        2,
        {"training": {"batch_size": 2}},
        "an epoch of one batch has room for one look",
    ),
    "retention.replay_path": (
        __file__,
        {"retention": {"replay_share": 0.5}},
        "must be a file of text, of which a share is wanted",
    ),
    "policy.num_rounds": (2, {}, "one more than by default takes long"),
    "policy.num_rollouts": (12, {}, "one more than by default takes long"),
    "policy.clip_range": (0.01, {"learning_rate": 1e-2}, "matters only to large steps"),
    "policy.target_kl": (
        1e-9,
        {},
        "matters from the third round on, where the second was beyond it",
    ),
    "training.max_seconds": (1e-9, {}, "a small run is over before a second is"),
    "training.patience": (1, {"learning_rate": 1.0}, "matters only where dev gets worse"),
    **{
        f"{name}.training.patience": (1, {"learning_rate": 1e-30}, "of large ones dev gets better")
        for name in (
            *("bottleneck", "parallel_adapter", "scaled_parallel_adapter", "dora", "qlora"),
            *("prefix_tuning", "prompt_tuning"),
        )
    },
}
"""Field → another value, what stands beside it on both sides, and why neither can be derived."""

GATES = {"reward.is_unproven_allowed"}
"""Fields that only let through what would be refused; the methods' own tests see that they do."""

UNSEEN = {
    *("response_cache.is_sampled_kept", "response_cache.is_saved", "response_cache.encoder"),
    *("faster_engine.backend", "faster_engine.precision"),
}
"""Of draws, of saved models, of more dev items than there are here, and of how exact weights are:
no answer asked for here need differ by them; the methods' own tests see that others do."""


@pytest.fixture(params=NAMES)
def name(request):
    """Every method's name; one whose extra is missing is skipped in the error's own words."""
    try:
        METHODS.load(request.param)
    except MissingExtraError as error:
        pytest.skip(str(error))
    return request.param


@pytest.fixture
def asked(small_domain):
    """A few prompts of both tasks, of items that no method has seen, with continuations."""
    prompts = [task.prompt(item) for task in small_domain.test for item in task.items[:2]]
    return prompts, [(prompt, word) for prompt in prompts for word in ("red", "seeds")]


@pytest.fixture(scope="module")
def fitted(tiny, small_data):
    """Every method fitted once a seed, as it comes."""

    @cache
    def of(name, seed=0):
        return fit(plain(name), tiny, small_data, seed)

    return of


@pytest.mark.parametrize("entry", METHODS.entries.values(), ids=NAMES)
def test_summary_and_own_test(entry):
    check_summary(entry)
    check_own_test("methods", entry)


def test_class(name):
    kind = METHODS.load(name)
    assert kind.__bases__ == (Method,), "one level: extend Method itself"
    assert kind.paper.startswith("https://"), "paper: the URL where the method was published"
    assert kind.needs <= set(NEEDS)
    assert list(inspect.signature(kind.fit).parameters) == ["self", "base", "data", "seed"]


def test_fields(name):
    check_documented(METHODS.load(name))
    METHODS.build(name)


def test_json_round_trip(name):
    own = METHODS.load(name)
    check_round_trip(METHODS, name, own())
    for setting in settings(own):
        changed, _ = specs(name, setting)
        check_round_trip(METHODS, name, METHODS.build(changed))


def test_base_stays_as_it_was(name, tiny, small_data, asked):
    def state():
        flags = [p.requires_grad for p in tiny.network.parameters()]
        return weights_of(tiny), flags, tiny.network.training, answers_of(tiny, asked)

    before = state()
    fit(plain(name), tiny, small_data)
    assert state() == before


def test_one_answer_a_prompt_in_order(name, fitted, asked):
    model = fitted(name).model
    prompts, pairs = asked
    answers, weighed = answers_of(model, asked)
    assert len(answers) == len(prompts)
    assert len(weighed) == len(pairs)
    backwards = answers_of(model, (prompts[::-1], pairs[::-1]))
    assert [a.text for a in backwards[0][::-1]] == [a.text for a in answers]
    # Sums in another order differ in the last digits.
    found = [w.logprob for w in backwards[1][::-1]]
    assert found == pytest.approx([w.logprob for w in weighed], abs=1e-3)
    assert len({w.logprob for w in weighed}) > 1
    assert model.generate([], SAMPLING) == []
    assert model.loglikelihood([]) == []


def test_same_seed_same_everything(name, fitted, tiny, small_data, asked):
    again = fit(plain(name), tiny, small_data)
    assert not differs(fitted(name), again, asked)


def test_another_seed_only_where_it_says_so(name, fitted, asked):
    says = METHODS.build(name).depends_on_seed
    assert differs(fitted(name), fitted(name, 1), asked) == says


def test_saved_and_loaded_answers_the_same(name, fitted, tiny, asked, tmp_path):
    model = fitted(name).model
    answers = answers_of(model, asked)
    for outside in (tiny, None):
        save_model(model, tmp_path / "first", outside=outside)
        # Whoever gets the folder has it elsewhere.
        (tmp_path / "first").rename(tmp_path / "moved")
        again = load_model(tmp_path / "moved", outside=outside)
        assert answers_of(again, asked) == answers, "beside its base" if outside else "alone"
        shutil.rmtree(tmp_path / "moved")


def test_cost_is_reported(name, fitted, asked):
    cost = fitted(name).cost
    is_trained = METHODS.load(name).is_trained
    assert cost.seconds > 0
    assert (cost.train_tokens > 0) == is_trained
    # Forward and backward of every trained token, at least.
    assert not is_trained or cost.flops > 2 * cost.train_tokens
    with metered() as meter:
        answers_of(fitted(name).model, asked)
    assert meter.cost.prompt_tokens > 0
    assert meter.cost.flops > 0


def test_what_it_needs_is_asked_for(name, tiny):
    method = METHODS.build(name)
    assert bool(method.unmet(tiny, TrainData())) == bool(method.all_needs - tiny.offers)


def specs(name: str, setting: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The method with one setting changed, and without."""
    found = OVERRIDES.get(f"{name}.{setting}") or OVERRIDES.get(setting)
    value, beside = found[:2] if found else (alternative(METHODS.load(name), setting), {})
    before = {**plain(name), **beside}
    return merged(before, written(setting, value)), before


def loadable():
    for name in NAMES:
        with suppress(MissingExtraError):
            yield name, METHODS.load(name)


FIELDS = [
    (n, s)
    for n, kind in loadable()
    for s in settings(kind)
    if s not in GATES and f"{n}.{s}" not in UNSEEN
]


@pytest.mark.parametrize(("name", "setting"), FIELDS, ids=[".".join(f) for f in FIELDS])
def test_each_field_changes_something(name, setting, fitted, tiny, small_data, asked, monkeypatch):
    monkeypatch.setattr("acclimate.index.encoders._transformer", lambda _name: LastWord())
    changed, before = specs(name, setting)
    one = fitted(name) if before == plain(name) else fit(before, tiny, small_data)
    assert differs(one, fit(changed, tiny, small_data), asked)


def test_overrides_are_of_fields_that_are():
    known = {setting for _, setting in FIELDS} | {".".join(field) for field in FIELDS}
    assert set(OVERRIDES) <= known


def test_training_data_have_no_test_items(locked_domain):
    assert set(TrainData.model_fields) == {"train", "dev", "documents", "preferences"}
    # What every fit above was given comes from a domain whose test items raise when touched.
    with pytest.raises(AssertionError, match="touched"):
        list(locked_domain.test[0].items)
