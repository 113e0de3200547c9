"""What holds for every method: it is here by being in the folder."""

import inspect
import shutil
from contextlib import suppress
from functools import cache
from typing import Any

import pytest

from acclimate.core.domain import TrainData
from acclimate.core.errors import MissingExtraError
from acclimate.core.method import NEEDS, CompositeMethod, Method
from acclimate.core.runtime.cost import metered
from acclimate.core.storage.saved_model import load_model, save_model
from contract.alternatives import (
    alternative,
    check_documented,
    check_own_test,
    check_round_trip,
    check_summary,
    merged,
    own_contract,
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
CONTRACTS = {name: own_contract("methods", entry) for name, entry in METHODS.entries.items()}
"""Method → field → what its own test says of it, as `SHARED` does."""

SHARED: dict[str, dict[str, Any]] = {
    "target_modules": {"value": ("q_proj",), "why": "must name layers of the network"},
    "encoder": {"value": "other", "why": "must name one; below, another is put in its place"},
    "members": {"value": ("zero_shot", "one_shot"), "why": "must name recipes"},
    "weights": {"value": (3, 1), "why": "must be one a member"},
    "training.warmup_share": {
        "value": 0.5,
        "why": "a run of few steps warms up over one of them, or half",
    },
    "training.max_seconds": {"value": 1e-9, "why": "a small run is over before a second is"},
    "training.patience": {
        "value": 1,
        "beside": {"learning_rate": 1.0},
        "why": "matters only where dev gets worse",
    },
    "retention.replay_path": {
        "value": __file__,
        "beside": {"retention": {"replay_share": 0.5}},
        "why": "must be a file of text, of which a share is wanted",
    },
    "policy.num_rounds": {"value": 2, "why": "one more than by default takes long"},
    "policy.num_rollouts": {"value": 12, "why": "one more than by default takes long"},
    "policy.clip_range": {
        "value": 0.01,
        "beside": {"learning_rate": 1e-2},
        "why": "matters only to large steps",
    },
    "policy.target_kl": {
        "value": 1e-9,
        "why": "matters from the third round on, where the second was beyond it",
    },
}
"""Field → another value, what stands beside it on both sides, and why neither can be derived.

These hold of every method that has the field; what holds of one stands in its own test's CONTRACT.
"""

GATES = {"reward.is_unproven_allowed"}
"""Fields that only let through what would be refused; the methods' own tests see that they do."""


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
    check_base(kind)
    assert kind.paper.startswith("https://"), "paper: the URL where the method was published"
    assert kind.needs <= set(NEEDS)
    more = ["members"] if issubclass(kind, CompositeMethod) else []
    assert list(inspect.signature(kind.fit).parameters) == ["self", "base", "data", "seed", *more]


def check_base(kind):
    """One level: it extends Method, or one abstract class that the methods of its family share."""
    (base,) = kind.__bases__
    assert base is Method or (issubclass(base, Method) and inspect.isabstract(base))
    assert not inspect.isabstract(kind)
    assert not base.__module__.startswith("acclimate.methods.")


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
    assert bool(method.unmet(tiny, TrainData())) == bool(method.all_needs - tiny.capabilities)


def specs(name: str, setting: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The method with one setting changed, and without."""
    row = row_of(name, setting)
    value = row["value"] if "value" in row else alternative(METHODS.load(name), setting)
    before = {**plain(name), **row.get("beside", {})}
    return merged(before, written(setting, value)), before


def row_of(name: str, setting: str) -> dict[str, Any]:
    """What is said of a field that no other value can be derived for; empty: nothing."""
    return CONTRACTS[name].get(setting) or SHARED.get(setting, {})


def is_unseen(name: str, setting: str) -> bool:
    """Whether no answer asked for here need differ by it; the method's own test sees others do."""
    row = row_of(name, setting)
    return setting in GATES or (bool(row) and "value" not in row)


def loadable():
    for name in NAMES:
        with suppress(MissingExtraError):
            yield name, METHODS.load(name)


FIELDS = [(n, s) for n, kind in loadable() for s in settings(kind) if not is_unseen(n, s)]


@pytest.mark.parametrize(("name", "setting"), FIELDS, ids=[".".join(f) for f in FIELDS])
def test_each_field_changes_something(name, setting, fitted, tiny, small_data, asked, monkeypatch):
    monkeypatch.setattr("acclimate.retrieval.encoders.load._transformer", lambda _name: LastWord())
    changed, before = specs(name, setting)
    one = fitted(name) if before == plain(name) else fit(before, tiny, small_data)
    assert differs(one, fit(changed, tiny, small_data), asked)


def test_contracts_are_of_fields_that_are():
    assert set(SHARED) <= {setting for _, setting in FIELDS}
    for name, kind in loadable():
        assert set(CONTRACTS[name]) <= set(settings(kind)), name
        assert all(row["why"] for row in CONTRACTS[name].values()), name


def test_training_data_have_no_test_items(locked_domain):
    assert set(TrainData.model_fields) == {"train", "dev", "documents", "preferences"}
    # What every fit above was given comes from a domain whose test items raise when touched.
    with pytest.raises(AssertionError, match="touched"):
        list(locked_domain.test[0].items)
