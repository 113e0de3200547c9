"""Draws are what the model answers, with the tokens it read and wrote."""

from acclimate.alignment.generate_rollouts import generate_rollouts
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt

PROMPTS = [Prompt("one?"), Prompt("two, or is it three?"), Prompt("four?")]
SAMPLING = Sampling(temperature=1.0, max_new_tokens=6, seed=3)


def test_the_same_as_generate_gives(tiny):
    found = generate_rollouts(tiny, [(prompt, SAMPLING) for prompt in PROMPTS], seed=3)
    assert [d.text for d in found] == [c.text for c in tiny.generate(PROMPTS, SAMPLING)]
    assert [d.prompt_ids for d in found] == [tiny.encode(prompt)[0] for prompt in PROMPTS]
    for one in found:
        assert tiny.tokenizer.decode(one.answer_ids, skip_special_tokens=True).strip() == one.text
    assert {one.route for one in found} == {None}


def test_each_is_drawn_as_it_was_asked_for(tiny):
    short = SAMPLING.model_copy(update={"max_new_tokens": 2})
    how = [SAMPLING, short, SAMPLING]
    found = generate_rollouts(tiny, list(zip(PROMPTS, how, strict=True)), seed=3)
    assert [len(one.answer_ids) for one in found] == [6, 2, 6]
    assert [one.prompt_ids for one in found] == [tiny.encode(prompt)[0] for prompt in PROMPTS]
    assert generate_rollouts(tiny, []) == []
