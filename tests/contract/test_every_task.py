"""What holds for every source of tasks: it is here by being in the folder."""

from itertools import chain, combinations

import pytest

from acclimate.core.catalogue import METRICS, TASKS
from acclimate.core.domain import Domain
from acclimate.core.record import digest
from acclimate.core.source import TaskSource
from contract.alternatives import (
    check_documented,
    check_own_test,
    check_round_trip,
    check_summary,
    filled,
    own_examples,
)

NAMES = list(TASKS.entries)
SPLITS = ("train", "dev", "test")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def source(name, request):
    return own_examples("tasks", TASKS.entries[name])(request)


@pytest.mark.parametrize("entry", TASKS.entries.values(), ids=NAMES)
def test_summary_and_own_test(entry):
    check_summary(entry)
    check_own_test("tasks", entry)


def test_class_and_fields(name):
    kind = TASKS.load(name)
    assert kind.__bases__ == (TaskSource,)
    check_documented(kind, may_be_required=("path",))
    check_round_trip(TASKS, name, filled(kind))


def test_domain(source):
    domain = source.load()
    assert digest(Domain.model_validate_json(domain.model_dump_json())) == digest(domain)
    assert digest(source.load()) == digest(domain), "the same source gives the same domain"
    splits = {split: getattr(domain, split) for split in SPLITS}
    for tasks in splits.values():
        assert len({task.name for task in tasks}) == len(tasks)
        assert {task.name for task in tasks} <= {task.name for task in domain.test}
    for one, other in combinations(splits.values(), 2):
        assert not clusters(one) & clusters(other), "a group stands in two splits"
    every = list(items(chain.from_iterable(splits.values())))
    assert len({item.id for item in every}) == len(every)
    assert {s for item in every for s in item.sources} <= {d.id for d in domain.documents}
    assert len({d.id for d in domain.documents}) == len(domain.documents)
    assert all(not i.choices or i.target in i.choices for i in every)
    for task in domain.test:
        assert task.items
        check_metrics(task)


def check_metrics(task):
    """Its metrics are there, and can judge its items."""
    for name in task.metrics:
        reads = METRICS.load(name).reads
        assert reads != "choices" or all(item.choices for item in task.items), name


def items(tasks):
    return (item for task in tasks for item in task.items)


def clusters(tasks):
    return {item.cluster for item in items(tasks)}
