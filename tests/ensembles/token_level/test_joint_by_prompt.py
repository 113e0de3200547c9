"""Networks joined by each prompt's own weights and temperature: the ends are the members."""

import numpy as np
import pytest

from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.ensembles.token_level.joint_by_prompt import JointByPrompt
from acclimate.models.local.huggingface import HuggingFace

PROMPTS = [Prompt("one?", item_id="1"), Prompt("two, or is it three?", item_id="2")]
GREEDY = Sampling(max_new_tokens=6)


@pytest.fixture(scope="module")
def members(model_folder):
    return [HuggingFace(path=str(model_folder(f))).load() for f in ("llama", "gpt2")]


def test_all_the_weight_is_that_member_at_each_prompt(members):
    joint = JointByPrompt(tuple(members))
    ends = np.array([[1.0, 0.0], [0.0, 1.0]])
    answers = joint.generate_weighted(PROMPTS, GREEDY, ends, np.zeros(2))
    alone = [m.generate([p], GREEDY)[0].text for m, p in zip(members, PROMPTS, strict=True)]
    assert [answer.text for answer in answers] == alone
    weighed = joint.loglikelihood_weighted([(p, " the") for p in PROMPTS], ends)
    for member, prompt, found in zip(members, PROMPTS, weighed, strict=True):
        (own,) = member.loglikelihood([(prompt, " the")])
        assert found.logprob == pytest.approx(own.logprob, abs=1e-4)


def test_the_temperature_is_each_prompts_own(members):
    joint, even = JointByPrompt(tuple(members)), np.ones((2, 2))

    def drawn(heat):
        hows = [Sampling(max_new_tokens=6, seed=seed) for seed in range(5)]
        return [
            [a.text for a in joint.generate_weighted(PROMPTS, h, even, np.array(heat))]
            for h in hows
        ]

    first, second = zip(*drawn([0.0, 5.0]), strict=True)
    assert len(set(first)) == 1
    assert len(set(second)) > 1
    assert list(first[:1]) == [joint.generate(PROMPTS, GREEDY)[0].text]
