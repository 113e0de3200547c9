"""Votes by weights of each prompt's own, counted by hand."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from acclimate.core.choice_probabilities import probabilities
from acclimate.core.errors import BackendError
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import collect_log
from acclimate.ensembles.answer_level.tally import LEFT_OUT
from acclimate.ensembles.answer_level.weighted_vote import WeightedVoteModel

PROMPTS = [Prompt(f"{n}?", item_id=str(n)) for n in range(2)]
HOW = Sampling(seed=7)
COLD = np.zeros(2)


@dataclass(frozen=True, eq=False)
class Says(Model):
    """Says one thing, with the probability that a choice is given in `likes`."""

    text: str
    likes: tuple[float, ...] = (0.5, 0.5)

    def generate(self, prompts, sampling):
        if self.text == "fail":
            raise BackendError("down")
        heat = f" {sampling.seed}" if sampling.temperature else ""
        return [Completion(self.text + heat) for _ in prompts]

    def loglikelihood(self, pairs):
        if self.text == "fail":
            raise BackendError("down")
        return [LogLikelihood(math.log(self.likes[text == "b"]), 1, 1) for _, text in pairs]


def texts(members, weights, heat=COLD):
    answers = WeightedVoteModel(members).generate_weighted(PROMPTS, HOW, np.array(weights), heat)
    return [answer.text for answer in answers]


def test_the_heaviest_answer_wins_at_each_prompt():
    members = (Says("x"), Says("y"), Says("Y."))
    assert texts(members, [[0.4, 0.3, 0.3], [0.6, 0.2, 0.2]]) == ["y", "x"]


def test_who_fails_or_says_nothing_is_left_out_and_counted():
    members = (Says("fail"), Says(""), Says("z"))
    with collect_log() as book:
        assert texts(members, [[0.9, 0.1, 0.0], [0.5, 0.4, 0.1]]) == ["z", "z"]
    assert book.notes().facts[LEFT_OUT] == pytest.approx(2 / 3)
    with pytest.raises(BackendError, match="no member answers item '0'"):
        texts((Says("fail"), Says("fail")), [[1, 1], [1, 1]])


def test_draws_follow_from_prompt_and_seed_alone():
    vote, even = WeightedVoteModel((Says("x"), Says("x"))), np.ones((2, 2))
    there = vote.generate_weighted(PROMPTS, HOW, even, np.array([0.7, 0.0]))
    back = vote.generate_weighted(PROMPTS[::-1], HOW, even, np.array([0.0, 0.7]))
    assert there == back[::-1]
    assert there[0].text != "x"
    assert there[1].text == "x"


def test_choices_have_the_mean_of_the_members_probabilities():
    vote = WeightedVoteModel((Says("", (0.9, 0.1)), Says("", (0.2, 0.8)), Says("fail")))
    pairs = [(prompt, choice) for prompt in PROMPTS for choice in "ab"]
    weights = np.repeat([[3.0, 1.0, 2.0], [1.0, 3.0, 2.0]], 2, axis=0)
    weighed = vote.loglikelihood_weighted(pairs, weights)
    assert probabilities(weighed[:2]) == pytest.approx([0.725, 0.275])
    assert probabilities(weighed[2:]) == pytest.approx([0.375, 0.625])


def test_one_continuation_has_the_mean_probability():
    vote = WeightedVoteModel((Says("", (0.9, 0.1)), Says("", (0.2, 0.8))))
    (found,) = vote.loglikelihood_weighted([(PROMPTS[0], "a")], np.array([[3.0, 1.0]]))
    assert found.logprob == pytest.approx(math.log((3 * 0.9 + 0.2) / 4))
