"""Stacking learns whom to believe: as well as Bayes, calibrated, on what it has not seen."""

import math

import numpy as np
import pytest

from acclimate.core.catalogue import METHODS
from acclimate.core.errors import DataError, NotApplicableError, UnknownNameError
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.ensembles.answer_level.tally import LEFT_OUT
from acclimate.evaluation.answers import answers_to
from acclimate.methods.ensembles.stacked import Stacked
from small_members import any_base, choice_task, data_of, flipped, free_task, members_of

ACCURACIES = (0.8, 0.75, 0.7, 0.6, 0.55)

CONTRACT = {
    "members": {"value": ("zero_shot", "few_shot"), "why": "must name recipes"},
    "estimator": {"value": "GaussianNB", "why": "must name a classifier"},
}


def targets_of(prefix, num):
    luck = np.random.default_rng(len(prefix)).random(num)
    return {f"{prefix}{i}": "yes" if own < 0.5 else "no" for i, own in enumerate(luck)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Five independent members of known accuracy, 600 dev items and 1500 test items."""
    folder = tmp_path_factory.mktemp("world")
    dev, test = targets_of("d", 600), targets_of("test", 1500)
    answers = [flipped(dev | test, p, seed) for seed, p in enumerate(ACCURACIES)]
    return folder, dev, test, answers, members_of(folder, *answers)


def said(model, task):
    return [answer.text for answer in answers_to(model, task, task.items)]


def bayes(answers, item):
    """The likelier of the two, by the members' known odds (Nitzan and Paroush 1982)."""
    odds = [math.log(p / (1 - p)) for p in ACCURACIES]
    votes = [1 if own[item] == "yes" else -1 for own in answers]
    return "yes" if float(np.dot(odds, votes)) > 0 else "no"


@pytest.mark.parametrize("make", [free_task, choice_task])
def test_reaches_the_bayes_combination(world, make):
    folder, dev, test, answers, members = world
    with collect_log() as book:
        model = Stacked(members=members).fit(any_base(folder), data_of(make(dev)), seed=0)
    own = np.array([a == t for a, t in zip(said(model, make(test)), test.values(), strict=True)])
    best = np.array([bayes(answers, item) == t for item, t in test.items()])
    # The paired difference is within its interval, and small.
    gap = own.astype(float) - best
    assert abs(gap.mean()) <= max(1.96 * gap.std() / math.sqrt(len(gap)), 0.005)
    voted = [sum(a[i] == t for a in answers) > 2 for i, t in test.items()]
    assert own.mean() > np.mean(voted)
    facts = book.facts
    assert facts["best member's score on dev"] == pytest.approx(0.8, abs=0.04)
    assert facts["score on dev, out of fold"] > facts["best member's score on dev"]
    assert facts["score on dev if the right member were always chosen"] > 0.97
    assert facts["calibration error after scaling, out of fold"] < 0.05


def test_scaling_mends_an_overconfident_judge(world):
    folder, dev, _, _, members = world
    # Each vote is two features, and naive Bayes counts it twice.
    method = Stacked(members=members, estimator="GaussianNB")
    with collect_log() as book:
        method.fit(any_base(folder), data_of(choice_task(dev)), seed=0)
    before, after = (
        book.facts[f"calibration error {when} scaling, out of fold"] for when in ("before", "after")
    )
    assert after < before


def test_says_how_probable_each_choice_is(world):
    folder, dev, test, _, members = world
    model = Stacked(members=members).fit(any_base(folder), data_of(choice_task(dev)), seed=0)
    answers = list(answers_to(model, choice_task(test), choice_task(test).items))
    sure = [a for a in answers if max(math.exp(w.logprob) for w in a.weighed) > 0.9]
    assert np.mean([a.text == a.item.target for a in sure]) > 0.9


def test_saved_without_pickling_and_loaded(world, tmp_path):
    folder, dev, test, _, members = world
    few = choice_task(dict(list(test.items())[:40]))
    for name in ("LogisticRegression", "RandomForestClassifier"):
        method = Stacked(members=members[:3], estimator=name)
        model = method.fit(any_base(folder), data_of(choice_task(dev)), seed=0)
        save_model(model, tmp_path / name)
        again = load_model(tmp_path / name)
        own = [list(answers_to(m, few, few.items)) for m in (model, again)]
        assert own[0] == own[1]
        kinds = {path.suffix for path in (tmp_path / name).glob("*") if path.is_file()}
        assert kinds == {".yaml", ".json", ".safetensors"}


def test_tasks_have_judges_of_their_own(tmp_path):
    """One member is right on one task, the other on the other."""
    dev = [targets_of(p, 80) for p in ("a", "bb")]
    test = [targets_of(p, 80) for p in ("ccc", "dddd")]
    wrong = {"yes": "no", "no": "yes"}
    every = {**dev[0], **test[0], **dev[1], **test[1]}
    first = {k: v if k[0] in "ac" else wrong[v] for k, v in every.items()}
    second = {k: v if k[0] in "bd" else wrong[v] for k, v in every.items()}
    third = flipped(every, 0.5, 0)
    tasks = [
        [free_task(own, name) for own, name in zip(pair, "xy", strict=True)] for pair in (dev, test)
    ]
    method = Stacked(members=members_of(tmp_path, first, second, third))
    model = method.fit(any_base(tmp_path), data_of(*tasks[0]), seed=0)
    assert set(model.metas) == {"", "x", "y"}
    for task, own in zip(tasks[1], test, strict=True):
        assert said(model, task) == list(own.values())


def test_who_fails_or_says_nothing_is_left_out(tmp_path):
    dev = targets_of("d", 60)
    full = flipped({**dev, "t": "yes", "u": "yes"}, 1.0, 0)
    holes = {**flipped(dev, 0.7, 1), "u": ""}
    method = Stacked(members=members_of(tmp_path, full, holes))
    model = method.fit(any_base(tmp_path), data_of(free_task(dev)), seed=0)
    with collect_log() as book:
        assert said(model, free_task({"t": "yes", "u": "yes"})) == ["yes", "yes"]
    assert book.facts[LEFT_OUT] == 2 / 4


def test_an_answer_is_judged_as_the_first_that_gives_it_wrote_it(tmp_path):
    # Valid only without the full stop after it, which no vote cares for.
    dev = {f"d{i}": "<a/>" for i in range(40)}
    bare = {item: "<a/>" if i % 2 else "<b" for i, item in enumerate(dev)}
    dotted = {item: f"{text}." for item, text in bare.items()}
    task = free_task(dev).model_copy(update={"metrics": ("xml_valid",)})
    method = Stacked(members=members_of(tmp_path, bare, dotted))
    with collect_log() as book:
        model = method.fit(any_base(tmp_path), data_of(task), seed=0)
    assert book.facts["score on dev, out of fold"] == 0.5
    assert said(model, task) == list(bare.values())


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean RandomForestClassifier"):
        METHODS.build({"name": "stacked", "estimator": "RandomForest"})
    with pytest.raises(UnknownNameError, match="no scikit-learn classifier with probabilities"):
        METHODS.build({"name": "stacked", "estimator": "LinearSVC"})
    base = any_base(tmp_path)
    alike = members_of(tmp_path, {"d": "yes", "e": "no"}, {"d": "yes", "e": "no"})
    with pytest.raises(NotApplicableError, match="needs dev items, and there are none"):
        Stacked(members=alike).fit(base, data_of(), seed=0)
    dev = data_of(free_task({"d": "yes", "e": "no"}))
    with pytest.raises(NotApplicableError, match="some answers are right and some wrong"):
        Stacked(members=alike).fit(base, dev, seed=0)
    blank = members_of(tmp_path, {"d": "", "e": ""}, {"d": "", "e": ""})
    with pytest.raises(NotApplicableError, match="some answers are right and some wrong"):
        Stacked(members=blank).fit(base, dev, seed=0)
    dev = data_of(free_task({"f": "yes"}))
    with pytest.raises(DataError, match=r"recorded \(1\) answers no dev item.*leave it out"):
        Stacked(members=alike).fit(base, dev, seed=0)
