"""The question as it is, or in words of one's own."""

from acclimate.core.domain import TrainData
from acclimate.core.model import Sampling
from acclimate.core.prompt import TEMPLATE, Prompt
from acclimate.core.rewriter import unwrap
from acclimate.data.prompt_template import as_text
from acclimate.methods.prompting.zero_shot import ZeroShot

ASKED = Prompt("2 + 2?", instruction="Add.")


def rendered(base, **fields):
    (prompt,) = unwrap(ZeroShot(**fields).fit(base, TrainData(), seed=0)).render([ASKED])
    return prompt


def test_with_no_words_of_ones_own_it_is_the_base(tiny):
    assert rendered(tiny) == ASKED
    model = ZeroShot().fit(tiny, TrainData(), seed=0)
    sampling = Sampling(max_new_tokens=4)
    assert model.generate([ASKED], sampling) == tiny.generate([ASKED], sampling)
    assert model.loglikelihood([(ASKED, "4")]) == tiny.loglikelihood([(ASKED, "4")])


def test_ones_own_words_stand_in_place_of_the_tasks(tiny):
    assert as_text(rendered(tiny, instruction="Sum up.")) == (
        "Sum up.\n\nQuestion: 2 + 2?\nAnswer:"
    )
    assert as_text(rendered(tiny, template="{{ instruction }} {{ question }} =")) == (
        "Add. 2 + 2? ="
    )
    assert rendered(tiny).template == TEMPLATE


def test_it_needs_nothing_and_draws_nothing():
    assert ZeroShot().needs == frozenset()
    assert not ZeroShot().depends_on_seed
