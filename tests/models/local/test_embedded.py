"""The base in the package: it loads, is small, can use its context, and its card is true."""

import json
import shutil

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.core.prompt import Passage, Prompt
from acclimate.core.runtime.progress import report_progress_to
from acclimate.core.source import TaskSource
from acclimate.models.local.embedded import CARD, Embedded


def examples(request):
    """It twice, and one of whose files differs."""
    changed = request.getfixturevalue("tmp_path") / "changed"
    shutil.copytree(Embedded().folder, changed)
    (changed / CARD).write_text("{}")

    class Changed(Embedded):
        @property
        def folder(self):
            return changed

    return Embedded(), Embedded(), Changed()


WORDS = [
    *("apple", "river", "stone", "table", "green"),
    *("seven", "light", "paper", "night", "horse"),
]


@pytest.fixture(scope="module")
def model():
    return Embedded().load()


def test_its_card_is_true(model):
    card = json.loads((Embedded().folder / CARD).read_text())
    assert Embedded().num_params() == card["num_params"] == model.network.num_parameters()
    assert model.window == card["context_tokens"] >= 1024
    assert len(model.tokenizer) == card["vocab_size"]
    for source in card["text"].values():
        assert source["licence"]
    assert sum(path.stat().st_size for path in Embedded().folder.iterdir()) < 20e6


def test_it_uses_what_it_is_shown(model):
    """Four sentences of words drawn at random, one of which stands in the passage."""
    generator = torch.Generator().manual_seed(0)

    def sentence():
        drawn = [WORDS[i] for i in torch.randperm(10, generator=generator)[:6].tolist()]
        return f"The {' '.join(drawn)}."

    right = 0
    for number in range(20):
        choices = [sentence() for _ in range(4)]
        target = choices[number % 4]
        prompt = Prompt("What does it say?", passages=(Passage("d", "A note", target),))
        scores = [w.logprob for w in model.loglikelihood([(prompt, c) for c in choices])]
        right += choices[scores.index(max(scores))] == target
    # By chance 5 of 20; 14 or more has a probability of 3e-5.
    assert right >= 14


def test_it_answers(model):
    (answer,) = model.generate([Prompt("Which module?")], Sampling(max_new_tokens=4))
    assert answer.num_new_tokens <= 4


def test_it_says_when_it_has_read_what_is_asked():
    class About(TaskSource):
        @property
        def packages(self):
            return ("numpy", "nobodys_package")

        def load(self):
            raise NotImplementedError

    said = []
    with report_progress_to(lambda *_: None, said.append):
        assert Embedded().disjoint_from(About()) == Embedded()
    assert len(said) == 1
    assert "numpy" in said[0]
    assert "nobodys_package" not in said[0]
