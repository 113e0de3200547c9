"""The base trained on the spot: made once, by its settings, from the text it is given."""

import pytest

from acclimate.core.home import home
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.cost import metered
from acclimate.core.storage.artifact_store import Store
from acclimate.models.local.from_scratch import FromScratch
from changed_code import change_code

SMALL = {"embed_dim": 32, "num_layers": 1, "vocab_size": 300, "max_seq_len": 64, "num_tokens": 1000}
TEXTS = [f"Return the {word} of the list number {i}." * 4 for i in range(20) for word in "abc"]


def few_docstrings(request):
    """Reading every installed package takes seconds: a few sentences do here."""
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr(
        "acclimate.models.local.from_scratch.installed_docstrings", lambda *_args: iter(TEXTS)
    )


@pytest.fixture
def small(request):
    few_docstrings(request)
    return FromScratch(**SMALL)


def test_sizes_are_those_asked_for(small):
    model = small.load()
    config = model.network.config
    assert (config.hidden_size, config.num_hidden_layers) == (32, 1)
    assert len(model.tokenizer) <= 300
    assert model.window == 64
    # Embedding, attention (4 of D x D), gated layer (3 of D x 96), norms (2 a layer and one).
    tokens, width = len(model.tokenizer), 32
    expected = tokens * width + 4 * width**2 + 3 * width * 96 + 3 * width
    assert model.network.num_parameters() == expected


def test_trained_once_and_kept(small):
    small.load()
    with metered() as meter:
        FromScratch(**SMALL).load()
    assert meter.cost.train_tokens == 0
    note = Store(home() / "bases").about(small.folder.name)
    # Rows of 64 tokens while a thousand last: 15 of them.
    assert note["cost"]["train_tokens"] == 15 * 64
    assert note["base"]["embed_dim"] == 32


def test_it_has_learnt_from_its_text(small):
    longer = FromScratch(**{**SMALL, "num_tokens": 4000, "learning_rate": 1e-2}).load()
    seen, odd = longer.loglikelihood(
        [(Prompt("", template="Return the"), text) for text in ("a of the list", "zq xv jw kkkk")]
    )
    assert seen.logprob > odd.logprob
    assert longer.generate([Prompt("Return")], Sampling(max_new_tokens=3))[0].num_new_tokens <= 3


def examples(request):
    """The same settings twice, and another seed."""
    few_docstrings(request)
    return FromScratch(**SMALL), FromScratch(**SMALL), FromScratch(**SMALL, seed=1)


def test_nothing_is_trained_for_a_fingerprint(small, monkeypatch):
    monkeypatch.setattr(FromScratch, "_train", lambda *_: pytest.fail("trained"))
    assert small.fingerprint() == FromScratch(**SMALL).fingerprint()
    assert small.fingerprint() != FromScratch(**{**SMALL, "seed": 1}).fingerprint()
    assert not small.is_made
    assert small.stale() == ()


def test_one_trained_by_other_code_is_trained_again(small, monkeypatch):
    small.load()
    trained, real = [], FromScratch._train
    monkeypatch.setattr(FromScratch, "_train", lambda *a: trained.append(1) or real(*a))
    FromScratch(**SMALL).load()
    assert trained == []
    change_code(monkeypatch, "training/trainer.py")
    assert FromScratch(**SMALL).stale() == ("code changed: training/trainer.py",)
    FromScratch(**SMALL).load()
    assert trained == [1]
