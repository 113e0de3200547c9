"""Reasoning first, the answer after it."""

import pytest
from pydantic import ValidationError

from acclimate.core.domain import TrainData
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.data.prompt_template import as_text
from acclimate.methods.prompting.chain_of_thought import ChainOfThought

ASKED = Prompt("What is it?")


def test_two_passes_by_hand(tiny):
    """The base asked twice, the second time with its own words before the answer cue."""
    model = ChainOfThought(max_rationale_tokens=5).fit(tiny, TrainData(), seed=0)
    cue, then = "Let's think step by step.", "Therefore, the answer is"
    first = ASKED.with_parts(answer_prefix=cue)
    assert as_text(first) == f"Question: What is it?\nAnswer: {cue}"
    (steps,) = tiny.generate([first], Sampling(max_new_tokens=5, stop=("\n",)))
    second = ASKED.with_parts(answer_prefix=f"{cue} {steps.text} {then}")
    assert model.render([ASKED]) == [second]
    assert steps.text
    sampling = Sampling(max_new_tokens=4)
    (answer,) = model.generate([ASKED], sampling)
    assert answer.text == tiny.generate([second], sampling)[0].text
    assert model.loglikelihood([(ASKED, "red")]) == tiny.loglikelihood([(second, "red")])


def test_it_needs_no_data_and_no_seed():
    assert ChainOfThought().needs == frozenset()
    assert not ChainOfThought().depends_on_seed


@pytest.mark.parametrize("fields", [{"cue": ""}, {"answer_cue": ""}, {"max_rationale_tokens": 0}])
def test_what_cannot_be_is_refused(fields):
    with pytest.raises(ValidationError):
        ChainOfThought(**fields)
