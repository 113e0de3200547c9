"""Many draws of one model, counted as votes; the same seed draws the same."""

from collections import Counter

import pytest

from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.seeding import derive
from acclimate.data.normalization import normalised
from acclimate.methods.prompting.self_consistency import SelfConsistency
from acclimate.prompting.chain_of_thought import ChainOfThoughtModel

SAMPLING = Sampling(max_new_tokens=2)


class Drawn(Model):
    """Answers what was written for its draws, in turn."""

    def __init__(self, *texts):
        self.texts, self.seen = texts, []

    def generate(self, prompts, sampling):
        self.seen.append((len(prompts), sampling))
        return [Completion(text) for text, _ in zip(self.texts, prompts, strict=False)]

    def loglikelihood(self, pairs):
        return [LogLikelihood(-float(len(text)), 1, 1) for _, text in pairs]


def test_most_draws_win():
    base = Drawn("7", "12.", "about 12", "12", "7", " 12")
    model = SelfConsistency(num_samples=6, temperature=0.5).fit(base, None, seed=0)
    prompt = Prompt(question="How many?")
    (answer,) = model.generate([prompt], SAMPLING)
    assert answer.text == "12."
    ((num, sampling),) = base.seen
    assert (num, sampling.temperature, sampling.max_new_tokens) == (6, 0.5, 2)


def test_a_tie_goes_to_the_likelier():
    base = Drawn("longer", "long")
    model = SelfConsistency(num_samples=2).fit(base, None, seed=0)
    assert model.generate([Prompt(question="?")], SAMPLING)[0].text == "long"


def test_counts_what_the_network_draws(tiny, small_data, small_domain):
    prompts = [task.prompt(item) for task in small_domain.test for item in task.items[:2]]
    model = SelfConsistency(num_samples=12, temperature=0.3).fit(tiny, small_data, seed=0)
    one = Sampling(max_new_tokens=1)
    given = model.generate(prompts, one)
    for prompt, answer in zip(prompts, given, strict=True):
        told = {"temperature": 0.3, "seed": derive(0, prompt)}
        drawn = tiny.generate([prompt] * 12, one.model_copy(update=told))
        votes = Counter(normalised(a.text) for a in drawn if normalised(a.text))
        assert votes[normalised(answer.text)] == max(votes.values())
    assert [a.text for a in model.generate(prompts[::-1], one)][::-1] == [a.text for a in given]


def test_choices_are_the_models_own(tiny, small_data, small_domain):
    task = small_domain.test[0]
    pairs = [(task.prompt(i), choice) for i in task.items for choice in i.choices]
    model = SelfConsistency().fit(tiny, small_data, seed=0)
    size = len(task.items[0].choices)

    def chosen(weighed):
        rows = [weighed[i : i + size] for i in range(0, len(weighed), size)]
        return [max(range(size), key=lambda i: row[i].per_byte) for row in rows]

    assert chosen(model.loglikelihood(pairs)) == chosen(tiny.loglikelihood(pairs))


def test_reasoning_is_drawn_too():
    base = Drawn("steps", "steps")
    ChainOfThoughtModel(base, "Think.", "So", 9).generate(
        [Prompt(question="?")], SAMPLING.model_copy(update={"temperature": 0.7, "seed": 3})
    )
    (_, steps), (_, answer) = base.seen
    assert (steps.temperature, steps.seed, steps.max_new_tokens) == (0.7, 3, 9)
    assert answer.max_new_tokens == 2


def test_one_draw_is_no_vote():
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        SelfConsistency(num_samples=1)
