"""Passages found by both searches, as a method."""

import numpy as np
import pytest

from acclimate.core.catalogue import METHODS
from acclimate.core.domain import Document, TrainData
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.methods.retrieval.hybrid_rag import HybridRAG
from acclimate.retrieval.encoders import load as encoders

DATA = TrainData(
    documents=tuple(
        Document(id=a, text=f"The {a} eats grass all day. It lives in a {a} house by the sea.")
        for a in ("cat", "dog", "cow", "hen")
    )
)
QUESTION = Prompt("where does the cow live")


class Silent(Model):
    """Answers nothing."""

    def generate(self, prompts, sampling):
        return [Completion("") for _ in prompts]

    def loglikelihood(self, pairs):
        raise NotImplementedError


class Backwards:
    """An encoder that finds the text that shares least letters with the question."""

    learns = False

    def encode(self, texts):
        vectors = np.array([[t.lower().count(c) for c in "abcdefghijklmnop"] for t in texts])
        signs = -1 if len(texts) == 1 else 1
        return (signs * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def write(self, folder):
        pass


def rendered(**fields):
    return HybridRAG(**fields).fit(Silent(), DATA, seed=0).render([QUESTION])[0]


def test_passages_of_the_right_document_come_first_and_are_cited():
    model = HybridRAG().fit(Silent(), DATA, seed=0)
    (answer,) = model.generate([QUESTION], Sampling())
    assert answer.passages[0].document == "cow"
    assert len(answer.passages) == 3
    assert model.render([QUESTION])[0].passages == answer.passages


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_passages", 1),
        ("chunk_tokens", 5),
        ("overlap_tokens", 4),
        ("template", "{{ passages }}{{ question }}"),
        ("encoder", "other"),
    ],
)
def test_every_field_changes_something(monkeypatch, field, value):
    monkeypatch.setattr(encoders, "_transformer", lambda _name: Backwards())
    settings = {"chunk_tokens": 9, "overlap_tokens": 0}
    assert rendered(**settings) != rendered(**{**settings, field: value})


def test_documents_are_needed():
    with pytest.raises(NotApplicableError, match="hybrid_rag needs documents"):
        HybridRAG().require(Silent(), TrainData())


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"overlap_tokens": 64}, "overlap_tokens=64, must be at least 0 and below chunk_tokens=64"),
        ({"template": "{{ question }}"}, "template: never shows 'passages'"),
        ({"num_passages": 0}, "num_passages=0: input should be greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_be(fields, fault):
    with pytest.raises(ConfigError, match=fault):
        METHODS.build({"name": "hybrid_rag", **fields})
