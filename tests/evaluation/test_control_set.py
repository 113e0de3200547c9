"""The control set: what is asked of the weights alone, item by item."""

from acclimate.core.domain import Control, Item, Task
from acclimate.evaluation.control_set import control_score
from acclimate.methods.prompting.few_shot import FewShot


def test_examples_are_not_shown_on_the_control_set(tiny, small_data):
    items = tuple(Item(id=str(i), question="?", target="a", choices=("a", "b")) for i in range(3))
    control = Control(
        texts=("the sea",), task=Task(name="colour", metrics=("choice_accuracy",), items=items)
    )
    shown = FewShot().fit(tiny, small_data, seed=0)
    assert control_score(shown, control) == control_score(tiny, control)


def test_every_control_items_score_is_kept(tiny):
    items = tuple(Item(id=str(i), question="?", target="a", choices=("a", "b")) for i in range(3))
    task = Task(name="colour", metrics=("choice_accuracy",), items=items)
    found = control_score(tiny, Control(task=task))
    assert set(found.scores) == {"0", "1", "2"}
    assert found.accuracy == sum(found.scores.values()) / 3
