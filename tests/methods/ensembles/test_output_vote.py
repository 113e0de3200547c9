"""Members vote over whole answers: by hand, on tables, and in the study's own way of choosing."""

import math

import pytest

from acclimate.core.catalogue import METHODS
from acclimate.core.choice_probabilities import probabilities
from acclimate.core.domain import TrainData
from acclimate.core.errors import (
    BackendError,
    ConfigError,
    DataError,
    NotApplicableError,
    UnknownNameError,
)
from acclimate.core.model import Sampling
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.ensembles.answer_level.vote_model import LEFT_OUT_OF_VOTE, TIES
from acclimate.evaluation.answers import answers_to
from acclimate.methods.ensembles.output_vote import OutputVote
from small_members import any_base, choice_task, data_of, flipped, free_task, members_of, table

NOTHING = TrainData()
TARGETS = {"1": "red", "2": "green", "3": "blue", "4": "white"}

CONTRACT = {
    "members": {"value": ("zero_shot", "few_shot"), "why": "must name recipes"},
    "weigh_by": {
        "value": "confidence",
        "beside": {"rule": "weighted"},
        "why": "matters to that rule alone",
    },
    "weights": {"value": (3, 1, 1), "beside": {"rule": "weighted"}, "why": "must be one a member"},
}


def vote(folder, *answers, data=NOTHING, columns=None, **fields):
    members = members_of(folder, *answers, **(columns or {}))
    return OutputVote(members=members, **fields).fit(any_base(folder), data, seed=0)


def said(model, task):
    return [answer.text for answer in answers_to(model, task, task.items)]


def test_counted_by_hand(tmp_path):
    model = vote(
        tmp_path,
        {"1": "Red.", "2": "blue", "3": "blue", "4": ""},
        {"1": "blue", "2": "Green", "3": "", "4": ""},
        {"1": "red", "2": "green!", "3": "red", "4": ""},
    )
    with collect_log() as book:
        assert said(model, free_task(TARGETS)) == ["Red.", "Green", "blue", ""]
    # Item 3 is one against one; in item 4 nobody votes, which leaves one answer to give.
    assert book.facts[TIES] == pytest.approx(1 / 4)
    assert book.facts[LEFT_OUT_OF_VOTE] == pytest.approx((1 + 3) / 12)


def test_ties_go_to_the_surer(tmp_path):
    answers = [{"1": "red", "2": "red"}, {"1": "blue", "2": "blue"}]
    sure = [{"1": -1.0, "2": -0.2}, {"1": -0.5, "2": -0.5}]
    model = vote(tmp_path, *answers, columns={"logprob": sure})
    assert said(model, free_task({"1": "?", "2": "?"})) == ["blue", "red"]
    heavier = vote(tmp_path, *answers, weights=(1, 2))
    assert said(heavier, free_task({"1": "?", "2": "?"})) == ["blue", "blue"]


def test_the_votes_of_a_member_that_votes_itself_are_not_counted_in(tmp_path):
    # Inside all votes are ties; outside none is.
    inner = {"name": "output_vote", "members": members_of(tmp_path, {"1": "red"}, {"1": "blue"})}
    members = [*members_of(tmp_path, {"1": "red"}), inner]
    model = OutputVote(members=members).fit(any_base(tmp_path), NOTHING, seed=0)
    with collect_log() as book:
        assert said(model, free_task({"1": "red"})) == ["red"]
    assert book.facts[TIES] == 0


def test_weights_are_given_or_of_dev(tmp_path):
    good = {"d1": "red", "d2": "red", "d3": "red", "t": "red"}
    poor = {"d1": "red", "d2": "x", "d3": "x", "t": "blue"}
    dev = free_task({"d1": "red", "d2": "red", "d3": "red"})
    test = free_task({"t": "red"})
    plain = vote(tmp_path, good, poor, poor)
    assert said(plain, test) == ["blue"]
    with collect_log() as book:
        model = vote(tmp_path, good, poor, poor, rule="weighted", data=data_of(dev))
    assert model.weights == pytest.approx((1, 1 / 3, 1 / 3))
    assert book.facts["recorded (1): weight, its mean score on dev"] == 1
    assert said(model, test) == ["red"]
    assert said(vote(tmp_path, good, poor, poor, rule="weighted", weights=(30, 14, 14)), test) == [
        "red"
    ]
    sure = [dict.fromkeys(good, v) for v in (-0.1, -2.0, -2.0)]
    by = {"rule": "weighted", "weigh_by": "confidence"}
    assert said(vote(tmp_path, good, poor, poor, columns={"logprob": sure}, **by), test) == ["red"]


def weigher(folder, rows, name):
    own = [{"item": i, "choice": c, "logprob": v} for i, line in rows.items() for c, v in line]
    return table(folder / name, own)


@pytest.mark.parametrize(
    ("rule", "winner"), [("majority", "no"), ("borda", "yes"), ("runoff", "no")]
)
def test_the_winner_is_what_a_study_chooses(tmp_path, rule, winner):
    """`maybe` is long: what counts is the log-likelihood a byte."""
    orders = [("no", "yes", "maybe"), ("no", "yes", "maybe"), ("no", "yes", "maybe")]
    orders += [("yes", "maybe", "no"), ("yes", "maybe", "no"), ("maybe", "yes", "no")]
    members = []
    for place, order in enumerate(orders):
        line = [(c, -float(1 + at) * len(c)) for at, c in enumerate(order)]
        members.append(weigher(tmp_path, {"1": line}, f"{place}.csv"))
    model = OutputVote(members=members, rule=rule).fit(any_base(tmp_path), TrainData(), seed=0)
    task = choice_task({"1": "yes"})
    item = task.items[0].model_copy(update={"choices": ("maybe", "no", "yes")})
    (answer,) = answers_to(model, task, [item])
    assert answer.text == winner
    if rule == "majority":
        # Three, two and one vote, and one more split 3 : 2 : 1.
        shares = [(1 + 1 / 6) / 7, (3 + 3 / 6) / 7, (2 + 2 / 6) / 7]
        assert probabilities(answer.weighed) == pytest.approx(shares)


def test_choices_known_by_the_answer_alone(tmp_path):
    task = choice_task({"1": "yes", "2": "no"})
    model = vote(
        tmp_path,
        {"1": "yes", "2": "no"},
        {"1": "no", "2": "neither"},
        {"1": "yes", "2": "no"},
        rule="borda",
    )
    with collect_log() as book:
        assert said(model, task) == ["yes", "no"]
    assert book.facts[LEFT_OUT_OF_VOTE] == pytest.approx(1 / 6)


def test_the_members_order_does_not_matter(tmp_path):
    targets = {str(i): ("yes", "no")[i % 2] for i in range(60)}
    answers = [flipped(targets, 0.6 + place / 20, place) for place in range(5)]
    for task in (free_task(targets), choice_task(targets)):
        forth, back = vote(tmp_path, *answers), vote(tmp_path, *answers[::-1])
        assert said(forth, task) == said(back, task)


def test_who_fails_is_left_out_and_the_answer_comes(tmp_path):
    full = dict(TARGETS)
    part = {k: v for k, v in TARGETS.items() if k != "2"}
    model = vote(tmp_path, part, full, full)
    with collect_log() as book:
        assert said(model, free_task(TARGETS)) == list(TARGETS.values())
    assert book.facts[LEFT_OUT_OF_VOTE] == pytest.approx(1 / 12)
    assert model.answerable_items == set(TARGETS)
    alone = vote(tmp_path, part, part)
    with pytest.raises(BackendError, match="no member answers item '2'"):
        said(alone, free_task(TARGETS))


def test_saved_and_loaded_answers_the_same(tmp_path):
    model = vote(tmp_path, TARGETS, TARGETS, rule="weighted", weights=(1, 2))
    save_model(model, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert (again.rule, again.weights) == ("weighted", (1, 2))
    assert said(again, free_task(TARGETS)) == said(model, free_task(TARGETS))


def test_costs_and_seconds_add_up(tmp_path):
    took = [{"1": 0.25}, {"1": 0.5}]
    model = vote(tmp_path, {"1": "a"}, {"1": "b"}, columns={"seconds": took, "usd": took})
    task = free_task({"1": "a"})
    with metered() as meter:
        said(model, task)
    assert meter.cost.paid_usd == pytest.approx(0.75)
    assert model.recorded_seconds([task.prompt(i) for i in task.items]) == [0.75]


def test_running_text_has_the_mean_probability(tiny, small_data):
    model = OutputVote(members=((), "zero_shot")).fit(tiny, small_data, seed=0)
    prompt = next(small_data.pairs("dev"))[0]
    assert model.loglikelihood([(prompt, "red")])[0].logprob == pytest.approx(
        tiny.loglikelihood([(prompt, "red")])[0].logprob, abs=1e-4
    )


def test_what_cannot_be_is_refused(tmp_path):
    for fields, says in (
        ({"members": ["zero_shot"]}, "needs at least 2 members, got 1"),
        ({"weights": [1, -1, 1]}, "must be at least 0"),
        ({"weights": [0, 0, 0]}, "one of them above"),
        ({"weights": [1, 1]}, "2 weights for 3 members"),
    ):
        with pytest.raises(ConfigError, match=says):
            METHODS.build({"name": "output_vote", **fields})
    with pytest.raises(UnknownNameError, match="did you mean zero_shot"):
        METHODS.build({"name": "output_vote", "members": ["zero_sot", "few_shot"]})
    with pytest.raises(DataError, match=r"recorded \(1\), recorded \(2\) have no item in common"):
        vote(tmp_path, {"1": "a"}, {"2": "a"})
    with pytest.raises(NotApplicableError, match="needs dev items, and there are none"):
        vote(tmp_path, {"1": "a"}, {"1": "a"}, rule="weighted")
    data = data_of(free_task({"d": "a"}))
    with pytest.raises(DataError, match=r"recorded \(2\) answers no dev item"):
        vote(tmp_path, {"1": "a", "d": "a"}, {"1": "a"}, rule="weighted", data=data)
    with pytest.raises(NotApplicableError, match="needs log-probabilities, and recorded"):
        vote(tmp_path, {"1": "a"}, {"1": "a"}, rule="weighted", weigh_by="confidence")


def test_what_members_need_is_needed(tiny):
    method = OutputVote(members=("zero_shot", "few_shot", "lora"))
    assert method.all_needs == {"train_items", "weights"}
    assert method.unmet(tiny, TrainData()) == ["training items"]
    assert method.changes_weights
    assert method.depends_on_seed
    assert not OutputVote(members=((), "zero_shot")).depends_on_seed


def test_thirty_systems_are_quick(tmp_path):
    """A small one of benchmarks/ensemble_recorded.py: each answer is read and counted once."""
    targets = {str(i): ("yes", "no")[i % 2] for i in range(200)}
    model = vote(tmp_path, *(flipped(targets, 0.6, seed) for seed in range(30)))
    task = choice_task(targets)
    right = sum(a.text == a.item.target for a in answers_to(model, task, task.items))
    assert right / 200 > 0.75
    assert math.isfinite(model.generate([task.prompt(task.items[0])], Sampling())[0].num_new_tokens)
