"""Methods one after another: each on what the one before made, in order, with one seed."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from pydantic import ValidationError

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.method import Chain, Method
from acclimate.core.model import Model


@dataclass(frozen=True)
class Made(Model):
    """Knows what it was made by."""

    by: tuple = ()

    def generate(self, prompts, sampling):
        raise NotImplementedError

    def loglikelihood(self, pairs):
        raise NotImplementedError


class Named(Method):
    word: str

    def fit(self, base, data, *, seed):
        return Made((*base.by, (self.word, seed)))


class Greedy(Named):
    needs: ClassVar = frozenset({"weights", "documents"})


def test_first_is_fitted_first():
    chain = Chain(methods=(Named(word="a"), Named(word="b")))
    base = Made()
    assert chain.fit(base, TrainData(), seed=3).by == (("a", 3), ("b", 3))
    assert base.by == ()


def test_what_cannot_be_is_refused_before_it_is_fitted():
    chain = Chain(methods=(Named(word="a"), Greedy(word="b")))
    with pytest.raises(NotApplicableError, match="test_chain needs documents and a model with we"):
        chain.fit(Made(), TrainData(), seed=0)


def test_is_not_empty_and_keeps_the_fields_of_each():
    with pytest.raises(ValidationError):
        Chain(methods=())
    chain = Chain(methods=(Named(word="a"),))
    assert chain.model_dump() == {"methods": ({"word": "a"},)}
