"""Rewards against sums by hand."""

import pytest

from acclimate.core.domain import Item, Preference, Task
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.model import Completion
from acclimate.ensembles.controller.objectives import checked_objectives, reward_of

ITEM = Item(id="1", question="Which?", target="red fox")
CHOICE = Item(id="2", question="Which?", target="red", choices=("red", "blue"))
TASK = Task(name="t", metrics=("exact_match",))
CHOOSE = Task(name="c", metrics=("choice_accuracy",))


def test_it_is_the_weighted_sum_of_objectives():
    reward = reward_of({"score": 2.0, "brevity": 0.5}, ())
    assert reward.of(TASK, ITEM, Completion("Red fox.")) == 2.5
    # Wrong, and of four words where two would do.
    assert reward.of(TASK, ITEM, Completion("a small blue fox")) == 0.25


def test_a_choice_is_judged_by_its_task_and_as_text():
    reward = reward_of({"score": 1.0, "exact_match": 1.0}, ())
    assert reward.of(CHOOSE, CHOICE, Completion("red")) == 2.0
    assert reward.of(CHOOSE, CHOICE, Completion("blue")) == 0.0
    with pytest.raises(NotApplicableError, match="choice_accuracy judges choices"):
        reward_of({"choice_accuracy": 1.0}, ()).of(TASK, ITEM, Completion("red"))


def test_a_rating_is_what_users_said_of_that_answer():
    liked = (
        Preference(prompt="Which?", chosen="The fox", rejected="The dog"),
        Preference(prompt="Which?", chosen="The dog", rejected="The cat"),
    )
    reward = reward_of({"rating": 1.0}, liked)
    found = [reward.of(TASK, ITEM, Completion(text)) for text in ("the fox.", "the cat", "an owl")]
    assert found == [1.0, 0.0, 0.5]
    # Liked once is liked, whatever it was held against elsewhere.
    assert reward.of(TASK, ITEM, Completion("the dog")) == 1.0
    with pytest.raises(NotApplicableError, match="needs preferences"):
        reward_of({"rating": 1.0}, ())


def test_a_function_of_the_users_own(tmp_path):
    own = tmp_path / "own.py"
    own.write_text("def reward(item, answer):\n    return len(answer) / len(item.target)\n")
    checked_objectives({str(own): 1.0})
    assert reward_of({str(own): 2.0}, ()).of(TASK, ITEM, Completion("red fox")) == 2.0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1", "no function reward"),
        ("def reward(item, answer):\n    return answer[99]", "failed at item 1 .IndexError"),
        ("def reward(item, answer):\n    return float('nan')", "must be finite"),
        ("def reward(", "cannot be imported"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path, code, said):
    own = tmp_path / "own.py"
    own.write_text(code)
    with pytest.raises(ConfigError, match=said):
        reward_of({str(own): 1.0}, ()).of(TASK, ITEM, Completion("red"))
    with pytest.raises(ConfigError, match="no such file"):
        checked_objectives({str(tmp_path / "none.py"): 1.0})


@pytest.mark.parametrize("objectives", [{}, {"score": 0.0}])
def test_no_reward_names_the_objectives(objectives):
    with pytest.raises(ConfigError, match=r"score, rating, .*xml_valid"):
        checked_objectives(objectives)
