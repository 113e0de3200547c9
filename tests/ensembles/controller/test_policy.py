"""Actions as weights and temperatures, and the actor's arrays kept."""

import numpy as np
import pytest

from acclimate.core.errors import BackendError
from acclimate.ensembles.controller.policy import SHARPNESS, ActionSpace, Actor

ACTIONS = np.array([[1.0, -1.0, -1.0], [0.25, 0.25, 1.0], [0.0, 0.5, 0.1]])


def test_weights_are_a_softmax():
    found = ActionSpace(2, (0.0, 1.0), is_stepped=True).weights(ACTIONS)
    assert found.sum(1) == pytest.approx(1)
    assert found[1] == pytest.approx([0.5, 0.5])
    assert found[2, 1] / found[2, 0] == pytest.approx(np.exp(SHARPNESS * 0.5))


def test_one_of_thirty_can_outvote_all_others():
    alone = np.where(np.arange(30) == 3, 1.0, -1.0)[None]
    assert ActionSpace(30, (0.0,), is_stepped=True).weights(alone)[0, 3] > 0.98


def test_temperatures_are_the_nearest_step_or_all_between():
    stepped = ActionSpace(2, (0.0, 0.4, 2.0), is_stepped=True)
    assert stepped.heat(ACTIONS).tolist() == [0.0, 2.0, 0.4]
    assert stepped.stepped(ACTIONS)[:, -1] == pytest.approx([-1.0, 1.0, -0.6])
    between = ActionSpace(2, (0.0, 0.4, 2.0), is_stepped=False)
    assert between.heat(ACTIONS) == pytest.approx([0.0, 2.0, 1.1])


def test_one_temperature_needs_no_action():
    space = ActionSpace(3, (0.7,), is_stepped=False)
    assert space.size == 3
    assert space.heat(ACTIONS).tolist() == [0.7] * 3
    assert (space.stepped(ACTIONS) == ACTIONS).all()


def test_it_is_kept(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [(4, 3), (4, 4), (2, 4)]
    layers = [(rng.normal(size=s).astype(np.float32), np.ones(s[0], np.float32)) for s in sizes]
    actor, states = Actor(layers), rng.normal(size=(5, 3))
    actor.write(tmp_path / "a.safetensors")
    assert (Actor.read(tmp_path / "a.safetensors")(states) == actor(states)).all()
    with pytest.raises(BackendError, match="not a saved actor"):
        Actor.read(tmp_path / "none.safetensors")
