"""The standard library as a domain: no leaks, real answers, the same every time."""

import importlib
import subprocess
import sys
from itertools import combinations

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.model import Completion
from acclimate.core.record import digest
from acclimate.metrics.format.xml_correct import XmlCorrect
from acclimate.tasks.package.python_docs import PythonDocs


@pytest.fixture(scope="module")
def domain():
    return PythonDocs().load()


def items(tasks, name=None):
    return [item for task in tasks if name in (None, task.name) for item in task.items]


def test_sizes(domain):
    for split, count in (("train", 1152), ("dev", 160), ("test", 288)):
        for task in getattr(domain, split):
            assert count * 0.85 <= len(task.items) <= count, (split, task.name)
    assert [t.name for t in domain.train] == [t.name for t in domain.test]
    assert all(task.stop == ("\n",) for task in domain.test)


def test_no_module_stands_in_two_splits(domain):
    tops = {
        split: {
            source.partition(".")[0] for i in items(getattr(domain, split)) for source in i.sources
        }
        | {item.group for item in items(getattr(domain, split))}
        for split in ("train", "dev", "test")
    }
    for one, other in combinations(tops.values(), 2):
        assert not one & other


def test_no_answer_of_one_split_is_a_choice_in_another(domain):
    summaries = {
        split: {c for i in items(getattr(domain, split)) for c in i.choices}
        for split in ("train", "dev", "test")
    }
    for one, other in combinations(summaries.values(), 2):
        assert not {text.casefold() for text in one} & {text.casefold() for text in other}


def test_no_question_or_id_comes_twice(domain):
    everything = [i for split in (domain.train, domain.dev, domain.test) for i in items(split)]
    assert len({item.id for item in everything}) == len(everything)
    assert len({(item.question, item.choices) for item in everything}) == len(everything)


def test_the_document_named_holds_the_answer(domain):
    pages = {document.id: document.text for document in domain.documents}
    for item in items(domain.test, "what_does_it_do"):
        page = " ".join(pages[item.sources[0]].split())
        assert item.target in page
        assert item.question.split()[2] in page
    for item in items(domain.test, "where_is_it"):
        assert item.sources == (item.target,)
        assert f"{item.target}.{item.question.split()[-1][:-1]}" in pages[item.target]


def test_where_is_it_has_one_right_answer(domain):
    for item in items(domain.test, "where_is_it"):
        name = item.question.split()[-1][:-1]
        assert hasattr(importlib.import_module(item.target), name)
        holders = {
            other.target
            for split in (domain.train, domain.dev, domain.test)
            for other in items(split, "where_is_it")
            if other.question == item.question
        }
        assert holders == {item.target}


def test_targets_of_calls_are_right_by_their_own_metric(domain):
    for item in items(domain.test, "call_as_xml"):
        assert XmlCorrect().of_completion(item, Completion(item.target)) == 1.0


def test_the_place_and_length_of_the_right_choice_tell_little(domain):
    asked = items(domain.test, "what_does_it_do")
    for rule in (max, min):
        hits = [rule(item.choices, key=len) == item.target for item in asked]
        assert sum(hits) / len(asked) < 0.42
    first = sum(item.choices[0] == item.target for item in asked) / len(asked)
    assert 0.15 < first < 0.35


def test_questions_are_short(domain):
    assert max(len(i.question) for i in items(domain.test)) < 150
    assert max(len(task.instruction) for task in domain.test) < 80


def test_pages_are_bounded(domain):
    assert max(len(document.text) for document in domain.documents) < 61_000
    assert sum(len(document.text) for document in domain.documents) < 5_000_000


def test_control_is_general_text_and_disjoint(domain):
    control = domain.control
    assert len(control.texts) >= 40
    assert 20_000 <= sum(len(text.encode()) for text in control.texts) <= 32_000
    assert len(control.task.items) == 100
    words = " ".join(document.text for document in domain.documents)
    assert not [text for text in control.texts if text in words]


def test_another_process_makes_the_same(domain):
    code = (
        "from acclimate.tasks.package.python_docs import PythonDocs\n"
        "from acclimate.core.record import digest\n"
        "domain = PythonDocs().load()\n"
        "print(digest([domain.train, domain.dev, domain.test, domain.control]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert told.strip() == digest([domain.train, domain.dev, domain.test, domain.control])


def test_fields_change_something(domain):
    other = PythonDocs(seed=1, num_items=100).load()
    assert digest(other.test) != digest(domain.test)
    assert max(len(task.items) for task in other.train) == 72


def test_an_installed_package():
    domain = PythonDocs(package="pydantic").load()
    groups = [{i.group for i in items(split)} for split in (domain.train, domain.dev, domain.test)]
    assert all(groups)
    for one, other in combinations(groups, 2):
        assert not one & other


@pytest.mark.parametrize(
    ("package", "message"),
    [("no_such", "is not installed"), ("json", "too few for questions of every kind")],
)
def test_packages_that_will_not_do(package, message):
    with pytest.raises(ConfigError, match=message):
        PythonDocs(package=package).load()


def examples(_request):
    """A small package of the standard library."""
    return PythonDocs(package="email", num_items=30)
