"""Best of n: the draw that the reward likes best, the same for the same seed, near the base."""

import math

import pytest

from acclimate.alignment import reward_model as module
from acclimate.alignment.best_of_n_model import BestOf
from acclimate.alignment.reward_model import RewardSettings, rewards
from acclimate.core.model import Sampling
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.runtime.seeding import derive
from acclimate.methods.alignment.best_of_n import BestOfN

SAMPLING = Sampling(max_new_tokens=6, stop=("\n",))


@pytest.fixture
def prompts(small_domain):
    return [task.prompt(item) for task in small_domain.test for item in task.items[:2]]


def test_gives_the_best_of_its_draws(tiny, small_data, prompts):
    model = BestOfN(num_samples=5).fit(tiny, small_data, seed=0)
    for prompt, given in zip(prompts, model.generate(prompts, SAMPLING), strict=True):
        told = {"temperature": 1.0, "seed": derive(0, prompt)}
        drawn = tiny.generate([prompt] * 5, SAMPLING.model_copy(update=told))
        texts = [answer.text for answer in drawn]
        assert len(set(texts)) > 1
        found = rewards(model.judge, [(prompt, text) for text in texts])
        assert given.text == texts[found.index(max(found))]


def test_follows_from_the_seed_alone(tiny, small_data, prompts):
    model = BestOfN().fit(tiny, small_data, seed=0)
    first = [c.text for c in model.generate(prompts, SAMPLING)]
    assert [c.text for c in model.generate(prompts[::-1], SAMPLING)][::-1] == first
    other = SAMPLING.model_copy(update={"seed": 1})
    assert [c.text for c in model.generate(prompts, other)] != first


def test_more_draws_are_rewarded_more(tiny, small_data, prompts):
    judge = BestOfN().fit(tiny, small_data, seed=0).judge
    found = []
    for n in (2, 32):
        given = BestOf(tiny, judge, n, 1.0).generate(prompts, SAMPLING)
        asked = [(p, c.text) for p, c in zip(prompts, given, strict=True)]
        found.append(sum(rewards(judge, asked)))
    assert found[1] > found[0]


def test_weighs_as_the_base_and_offers_no_weights(tiny, small_data, prompts):
    model = BestOfN().fit(tiny, small_data, seed=0)
    pairs = [(prompt, "red") for prompt in prompts]
    assert model.loglikelihood(pairs) == tiny.loglikelihood(pairs)
    assert model.capabilities == {"logprobs"}


def test_tells_how_far_it_moves_at_most(tiny, small_data):
    with collect_log() as book:
        BestOfN(num_samples=4).fit(tiny, small_data, seed=0)
    assert book.facts["most that best-of-n moves from the base, nats"] == pytest.approx(
        math.log(4) - 3 / 4
    )
    assert "reward: Brier score (a coin's is 0.25)" in book.facts


def test_the_reward_is_ppos(tiny, small_data, monkeypatch):
    from acclimate.alignment.ppo_settings import PolicySettings
    from acclimate.methods.alignment.ppo import PPO

    BestOfN().fit(tiny, small_data, seed=0)
    monkeypatch.setattr(module, "_fit", lambda *_: pytest.fail("was fitted before"))
    short = PolicySettings(num_rounds=1, num_rollouts=2, num_epochs=1)
    PPO(policy=short, reward=RewardSettings()).fit(tiny, small_data, seed=0)
