"""A cascade passes on what its cheap member is not sure of, and counts what that saves."""

import math
from itertools import product

import numpy as np
import pytest

from acclimate.core.errors import BackendError, DataError, NotApplicableError
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.ensembles.answer_level.cascade_thresholds import (
    MemberResults,
    best_thresholds,
    run_cascade,
)
from acclimate.evaluation.answers import answers_to
from acclimate.methods.ensembles.cascade import Cascade
from small_members import any_base, choice_task, data_of, free_task, members_of, table

CONTRACT = {
    "members": {"value": ("few_shot", "zero_shot"), "why": "must name recipes"},
    "target": {
        "value": "cost",
        "beside": {"members": ((), "lexical_rag")},
        "why": "a base that is best passes nothing on; passages cost enough to pass some on for",
    },
    "share": {
        "value": 0.3,
        "beside": {"members": ((), "lexical_rag"), "target": "cost"},
        "why": "as above",
    },
}


def world(folder, num=200):
    """A cheap member that knows when it is wrong, and a dear one that is always right."""
    ids = [f"{split}{i}" for split in ("dev", "test") for i in range(num)]
    luck = np.random.default_rng(0).random(len(ids))
    sure = {i: 0.3 + 0.6 * own for i, own in zip(ids, luck, strict=True)}
    cheap = {i: "right" if sure[i] > 0.5 else "wrong" for i in ids}
    logprob = [{i: math.log(sure[i]) for i in ids}, dict.fromkeys(ids, -0.1)]
    usd = [dict.fromkeys(ids, 1.0), dict.fromkeys(ids, 10.0)]
    members = members_of(folder, cheap, dict.fromkeys(ids, "right"), logprob=logprob, usd=usd)
    dev, test = (
        free_task({i: "right" for i in ids if i.startswith(split)}) for split in ("dev", "test")
    )
    return members, dev, test, sure


def test_passes_on_what_it_must_and_no_more(tmp_path):
    members, dev, test, sure = world(tmp_path)
    with collect_log() as book:
        model = Cascade(members=members, share=1.0).fit(any_base(tmp_path), data_of(dev), seed=0)
    assert model.thresholds["say"][0] == pytest.approx(0.5, abs=0.02)
    facts = book.facts
    passed = np.mean([sure[i.id] <= 0.5 for i in dev.items])
    assert facts["passed on by the first member, share of dev items"] == pytest.approx(passed)
    assert facts["cost on dev, share of the last member's"] == pytest.approx(0.1 + passed)
    assert facts["quality kept on dev, share of the best member's"] == 1
    with metered() as meter, collect_log() as book:
        answers = [a.text for a in answers_to(model, test, test.items)]
    below = [sure[i.id] < model.thresholds["say"][0] for i in test.items]
    assert answers == [
        "right" if b or sure[i.id] > 0.5 else "wrong"
        for b, i in zip(below, test.items, strict=True)
    ]
    # Only those passed on cost the dear member's price.
    assert meter.cost.paid_usd == pytest.approx(len(below) + 10 * sum(below))
    assert book.facts["passed on to member 2, share of questions"] == pytest.approx(np.mean(below))


def test_a_cost_is_kept(tmp_path):
    members, dev, _, _ = world(tmp_path)
    method = Cascade(members=members, target="cost", share=0.3)
    with collect_log() as book:
        method.fit(any_base(tmp_path), data_of(dev), seed=0)
    assert 0.28 < book.facts["cost on dev, share of the last member's"] <= 0.3


def test_thresholds_against_every_combination():
    rng = np.random.default_rng(1)
    seen = MemberResults(
        (rng.random((9, 3)) < [0.4, 0.6, 0.9]).astype(float),
        rng.random((9, 2)),
        np.array([1.0, 3, 9]),
    )
    steps = [[0.0, 2.0, *(seen.sure[:, gate] + 1e-9)] for gate in range(2)]
    every = [run_cascade(seen, own) for own in product(*steps)]
    for share in (0.5, 0.8, 1.0):
        least = share * seen.scores.mean(0).max()
        cheapest = min(own.cost for own in every if own.quality >= least)
        assert best_thresholds(seen, "quality", share).cost == pytest.approx(cheapest)
        most = share * 9
        best = max(own.quality for own in every if own.cost <= most)
        assert best_thresholds(seen, "cost", share).quality == pytest.approx(best)


def test_reached_by_hand():
    seen = MemberResults(
        np.array([[1.0, 0], [0, 1], [0, 1]]), np.array([[0.9], [0.4], [0.6]]), np.array([1.0, 5])
    )
    found = run_cascade(seen, (0.5,))
    assert (found.quality, found.cost) == (pytest.approx(2 / 3), pytest.approx((3 + 5) / 3))
    assert found.answered == pytest.approx((2 / 3, 1 / 3))


def test_choices_pass_by_their_margin(tmp_path):
    members = []
    for name, odds in (("cheap", {"d": 3.0, "e": 0.1}), ("dear", {"d": 3.0, "e": -3.0})):
        rows = [
            {"item": i, "choice": c, "logprob": -4.0 + (v if c == "yes" else 0) * 1.0}
            for i, v in odds.items()
            for c in ("no", "yes")
        ]
        members.append(table(tmp_path / f"{name}.csv", rows))
    task = choice_task({"d": "yes", "e": "no"})
    model = Cascade(members=members, share=1.0).fit(any_base(tmp_path), data_of(task), seed=0)
    assert [a.text for a in answers_to(model, task, task.items)] == ["yes", "no"]
    assert model.answered == (0.5, 0.5)


def test_empty_and_failed_answers_are_passed_on(tmp_path):
    cheap = {"d": "a", "e": "", "g": "a"}
    dear = {"d": "a", "e": "b", "f": "c"}
    members = members_of(tmp_path, cheap, dear)
    dev = free_task({"d": "a"})
    model = Cascade(members=members).fit(any_base(tmp_path), data_of(dev), seed=0)
    asked = free_task(dict.fromkeys("defg", "?"))
    assert [a.text for a in answers_to(model, asked, asked.items)] == ["a", "b", "c", "a"]
    with pytest.raises(BackendError, match="no member answers item 'h'"):
        list(answers_to(model, free_task({"h": "?"}), free_task({"h": "?"}).items))


def test_seconds_are_of_those_that_were_asked(tmp_path):
    took = [{"d": 1.0, "e": 1.0}, {"d": 5.0, "e": 5.0}]
    members = members_of(tmp_path, {"d": "a", "e": ""}, {"d": "a", "e": "b"}, seconds=took)
    task = free_task({"d": "a", "e": "b"})
    model = Cascade(members=members).fit(any_base(tmp_path), data_of(task), seed=0)
    assert model.recorded_seconds([task.prompt(i) for i in task.items]) == [1.0, 6.0]


def test_saved_and_loaded_answers_the_same(tmp_path):
    members, dev, test, _ = world(tmp_path, 20)
    model = Cascade(members=members).fit(any_base(tmp_path), data_of(dev), seed=0)
    save_model(model, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert (again.thresholds, again.answered) == (model.thresholds, model.answered)
    own = [[a.text for a in answers_to(m, test, test.items)] for m in (model, again)]
    assert own[0] == own[1]


def test_what_needs_dev_says_so(tmp_path):
    members = members_of(tmp_path, {"t": "a"}, {"t": "a"})
    with pytest.raises(NotApplicableError, match="cascade needs dev items, and there are none"):
        Cascade(members=members).fit(any_base(tmp_path), data_of(), seed=0)
    with pytest.raises(DataError, match="answers no dev item, and cascade is learned there"):
        Cascade(members=members).fit(any_base(tmp_path), data_of(free_task({"d": "a"})), seed=0)
