"""What holds for every metric: it is here by being in the folder."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from acclimate.core.catalogue import METRICS
from acclimate.core.domain import Item
from acclimate.core.metric import Metric
from acclimate.core.model import Completion, LogLikelihood
from contract.alternatives import (
    alternative,
    check_documented,
    check_own_test,
    check_round_trip,
    check_summary,
    own_contract,
    settings,
    written,
)

NAMES = list(METRICS.entries)
ITEM = Item(
    id="1",
    question="?",
    target="<a>1</a>",
    choices=("<a>1</a>", "<b/>", "no"),
    sources=("d0", "d5"),
)
DOCUMENTS = tuple(f"d{i}" for i in range(9))

texts = st.text(max_size=20) | st.sampled_from(["<a>1</a>", " <a> 1</a>.", "<b/>", "<A>1</A>"])
weighed = st.tuples(*[st.floats(-1e6, 0, allow_nan=False)] * 3)
found = st.lists(st.sampled_from(DOCUMENTS), max_size=9)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def score(metric, text, logprobs, documents):
    """Of whatever the metric reads."""
    if metric.reads == "completion":
        return metric.of_completion(ITEM, Completion(text))
    if metric.reads == "choices":
        sizes = [len(choice.encode()) for choice in ITEM.choices]
        return metric.of_choices(
            ITEM, [LogLikelihood(p, 1, b) for p, b in zip(logprobs, sizes, strict=True)]
        )
    return metric.of_passages(ITEM, documents)


@pytest.mark.parametrize("entry", METRICS.entries.values(), ids=NAMES)
def test_summary_and_own_test(entry):
    check_summary(entry)
    check_own_test("metrics", entry)


def test_class_and_fields(name):
    kind = METRICS.load(name)
    assert kind.__bases__ == (Metric,)
    check_documented(kind)
    check_round_trip(METRICS, name, kind())


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=texts, logprobs=weighed, documents=found)
def test_between_0_and_1_and_the_same_again(name, text, logprobs, documents):
    metric = METRICS.build(name)
    value = score(metric, text, logprobs, documents)
    assert isinstance(value, float)
    assert 0 <= value <= 1
    assert score(metric, text, logprobs, documents) == value


def test_right_is_above_wrong(name):
    metric = METRICS.build(name)
    # Of a metric that judges manner and not the target, its own test says what is right.
    texts = own_contract("metrics", METRICS.entries[name]) or {"right": ITEM.target, "wrong": "no"}
    right = score(metric, texts["right"], (-1.0, -200.0, -200.0), ["d0", "d5"])
    wrong = score(metric, texts["wrong"], (-200.0, -200.0, -1.0), ["d1", "d2"])
    assert (right, wrong) == (pytest.approx(1, abs=1e-6), pytest.approx(0, abs=1e-6))


FIELDS = [(name, field) for name in NAMES for field in settings(METRICS.load(name))]
RANKED = [DOCUMENTS[i] for i in (1, 2, 3, 4, 6, 0, 7, 5, 8)]
"""The first source is sixth, the second eighth: what looks one further sees one more."""


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=[".".join(f) for f in FIELDS])
def test_each_field_changes_something(name, field):
    changed = written(field, alternative(METRICS.load(name), field))
    asked = ("<a>2</a>", (-3.0, -2.0, -1.0), RANKED)
    plain = score(METRICS.build(name), *asked)
    assert score(METRICS.build({"name": name, **changed}), *asked) != plain
