"""Prompts placed by task and question."""

import numpy as np
import pytest

from acclimate.core.prompt import Prompt
from acclimate.retrieval.encoders.prompt_encoder import NUM_FITTED, PromptEncoder

WORDS = ("fish wave tide", "field barn plough", "fish tide reef", "barn wheat field")
PROMPTS = [Prompt(text, task="say") for text in WORDS]


def test_prompts_of_one_topic_lie_near():
    found = PromptEncoder.fit("lsa", PROMPTS, num_components=2).of(PROMPTS)
    assert found.shape == (4, 2)
    assert np.linalg.norm(found, axis=1).tolist() == pytest.approx([np.sqrt(2)] * 4, abs=1e-5)
    near = found @ found.T
    assert near[0, 2] > near[0, 1]
    assert near[1, 3] > near[1, 2]


def test_the_task_and_the_dialogue_count():
    prompts = [*PROMPTS, Prompt("fish wave tide", task="sing")]
    found = PromptEncoder.fit("lsa", prompts, num_components=8).of(prompts)
    assert np.abs(found[0] - found[-1]).max() > 0.1


def test_it_is_kept(tmp_path):
    states = PromptEncoder.fit("lsa", PROMPTS, num_components=3)
    again = PromptEncoder.read(tmp_path, states.write(tmp_path))
    assert (again.of(PROMPTS) == states.of(PROMPTS)).all()


def test_of_many_prompts_an_even_part_is_learned_from():
    many = [Prompt(f"word{n}") for n in range(2 * NUM_FITTED)]
    assert len(PromptEncoder.fit("lsa", many, 4).encoder.vocabulary) == NUM_FITTED
