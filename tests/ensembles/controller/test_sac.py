"""The soft actor-critic against the closed form of an entropy-regularised bandit."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import norm

from acclimate.core.catalogue import METHODS
from acclimate.core.errors import MissingExtraError
from acclimate.core.runtime.fit_log import collect_log

torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from acclimate.ensembles.controller.offline_log import Draws  # noqa: E402
from acclimate.ensembles.controller.sac import (  # noqa: E402
    Bandit,
    SACSettings,
    SoftActorCritic,
)

ALPHA = 0.5
WANTED = ((0.5, 0.7), (-0.3, 1.0))
"""At each of two states, mean and spread of the normal variable of which the action is tanh."""
STATES = np.eye(2, dtype=np.float32)
OFFSET = 3.0


def reward(action, place):
    """`alpha log p(a) + 3` for the density `p` of a squashed normal: `exp(Q/alpha)/Z` is `p`."""
    mean, spread = WANTED[place]
    raw = np.arctanh(action)
    return ALPHA * (norm.logpdf(raw, mean, spread) - np.log1p(-(action**2))) + OFFSET


@pytest.fixture(scope="module")
def learner():
    rng = np.random.default_rng(0)
    places, actions = rng.integers(2, size=6000), rng.uniform(-0.999, 0.999, (6000, 1))
    rewards = np.array([reward(a[0], p) for a, p in zip(actions, places, strict=True)])
    own = SoftActorCritic(
        STATES,
        Draws(places, actions, rewards),
        lambda place, action: float(reward(np.clip(action[0], -0.999, 0.999), place)),
        SACSettings(num_updates=900, num_asked=60, learning_rate=3e-3),
        seed=0,
        entropy_coef=ALPHA / float(rewards.std()),
    )
    with collect_log() as book:
        own.learn()
    own.notes = book.notes()
    return own


@pytest.mark.parametrize("place", [0, 1])
def test_the_policy_is_the_exponential_of_q_over_alpha(learner, place):
    mean, log_std, _ = learner.agent.policy.actor.get_action_dist_params(torch.from_numpy(STATES))
    wanted_mean, wanted_spread = WANTED[place]
    assert float(mean[place].detach()) == pytest.approx(wanted_mean, abs=0.15)
    assert float(log_std[place].detach().exp()) == pytest.approx(wanted_spread, abs=0.15)


@pytest.mark.parametrize("place", [0, 1])
def test_the_soft_value_is_alpha_logsumexp_of_q_over_alpha(learner, place):
    # V = alpha log of the integral of exp(r / alpha), once by quadrature, once as by its sum.
    found, _ = quad(lambda a: np.exp(reward(a, place) / ALPHA), -1, 1)
    exact = ALPHA * np.log(found)
    grid = np.linspace(-0.9995, 0.9995, 2000)
    assert ALPHA * logsumexp(reward(grid, place) / ALPHA, b=0.001) == pytest.approx(exact, abs=0.01)
    assert exact == pytest.approx(OFFSET, abs=1e-3)
    rows = torch.from_numpy(STATES[place]).expand(2000, 2)
    with torch.no_grad():
        actions, logprobs = learner.agent.policy.actor.action_log_prob(rows)
        q = torch.cat(learner.agent.critic(rows, actions), dim=1).min(1).values
    soft = float((q - learner.alpha * logprobs).mean()) * learner.spread + learner.mean
    assert soft == pytest.approx(exact, abs=0.1)


def test_the_critic_of_one_step_is_the_reward(learner):
    actions = torch.linspace(-0.75, 0.75, 19)[:, None]
    with torch.no_grad():
        q = learner.agent.critic(torch.from_numpy(STATES[:1]).expand(19, 2), actions)[0][:, 0]
    exact = (reward(actions.numpy()[:, 0], 0) - learner.mean) / learner.spread
    assert np.abs(q.numpy() - exact).max() < 0.3


def test_plain_arrays_act_as_the_network_does(learner):
    states = np.random.default_rng(1).normal(size=(5, 2)).astype(np.float32)
    theirs, _ = learner.agent.predict(states, deterministic=True)
    assert learner.actor(states) == pytest.approx(theirs, abs=1e-5)


def test_curves_are_told(learner):
    curves = learner.notes.curves
    assert len(curves["entropy of the controller, nats"]) == 20
    assert [step for step, _ in curves["mean reward of what was asked anew"]][-1] == 960
    (_, alpha), *_ = curves["entropy temperature, spreads of the reward a nat"]
    assert alpha == pytest.approx(ALPHA / learner.spread)


def test_an_episode_has_one_step():
    from stable_baselines3.common.env_checker import check_env

    env = Bandit(STATES, 1, lambda place, action: float(place + action[0]))
    check_env(env)
    state, _ = env.reset(seed=0)
    _, found, is_over, _, _ = env.step(np.array([0.25]))
    assert found == state.argmax() + 0.25
    assert is_over


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    import sys

    for name in [n for n in sys.modules if n.startswith("acclimate.ensembles.controller.sac")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "acclimate.methods.ensembles.sac", raising=False)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(MissingExtraError, match=r"acclimate\[rl\]"):
        METHODS.load("sac")
