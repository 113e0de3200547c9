from importlib.util import find_spec

import pytest

from acclimate.core.errors import NotApplicableError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS

pytestmark = pytest.mark.skipif(
    find_spec("ctranslate2") is None, reason="the extra 'serve' is not installed"
)


def on(model, precision):
    return on_backend(model, BACKENDS.build({"name": "ctranslate2", "precision": precision}))


def test_attention_that_it_would_compute_otherwise_is_refused(model_folder):
    from acclimate.models.local.huggingface import HuggingFace

    with pytest.raises(NotApplicableError, match="no soft-capped attention, and gemma2 has"):
        on(HuggingFace(path=str(model_folder("gemma2"))).load(), "float32")


def test_groups_are_near_in_length():
    from acclimate.inference.backends.engines.ctranslate2 import near_in_length

    groups = list(near_in_length([10, 100, 12, 105, 20], [8] * 5))
    assert groups == [[0, 2], [4], [1, 3]]
    assert list(near_in_length([4000, 4001, 4002], [96] * 3)) == [[0], [1], [2]]
    assert list(near_in_length([], [])) == []
