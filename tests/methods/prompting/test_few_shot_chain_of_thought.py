"""Examples with reasoning, then reasoning, then the answer."""

import pytest

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.method import Chain
from acclimate.core.model import Sampling
from acclimate.core.rewriter import unwrap
from acclimate.methods.prompting.chain_of_thought import ChainOfThought
from acclimate.methods.prompting.few_shot import FewShot
from acclimate.methods.prompting.few_shot_chain_of_thought import FewShotChainOfThought

CUE, THEN = "Let's think step by step.", "Therefore, the answer is"


@pytest.fixture
def asked(small_domain):
    return [task.prompt(task.items[0]) for task in small_domain.test]


def test_examples_show_the_cues_and_their_reasoning(tiny, small_data, asked):
    model = FewShotChainOfThought(num_shots=2, max_rationale_tokens=3).fit(tiny, small_data, seed=0)
    colour, food = unwrap(model).render(asked)
    rationales = {i.question: i.rationale for i in small_data.train[0].items}
    for example in colour.examples:
        assert example.rationale == f"{CUE} {rationales[example.question]} {THEN}"
    # Items without a rationale show the cues alone.
    assert {e.rationale for e in food.examples} == {f"{CUE} {THEN}"}
    assert colour.answer_prefix.startswith(CUE)
    assert colour.answer_prefix.endswith(THEN)


@pytest.mark.parametrize("selection", ["random", "nearest"])
def test_the_same_as_its_parts_in_a_chain(tiny, small_data, asked, selection):
    whole = FewShotChainOfThought(num_shots=2, selection=selection, max_rationale_tokens=3)
    parts = Chain(
        methods=(
            ChainOfThought(max_rationale_tokens=3),
            FewShot(num_shots=2, selection=selection),
        )
    )
    one, other = (m.fit(tiny, small_data, seed=1) for m in (whole, parts))
    sampling = Sampling(max_new_tokens=3)
    assert one.generate(asked, sampling) == other.generate(asked, sampling)
    assert unwrap(one).render(asked) == unwrap(other).render(asked)


def test_without_training_items_it_is_refused(tiny):
    with pytest.raises(NotApplicableError, match="few_shot_chain_of_thought needs training items"):
        FewShotChainOfThought().require(tiny, TrainData())
    assert FewShotChainOfThought().depends_on_seed
    assert not FewShotChainOfThought(selection="nearest").depends_on_seed
