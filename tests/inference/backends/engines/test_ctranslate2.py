from importlib.util import find_spec

import pytest

from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS
from inference.backends.conftest import PROMPTS, SAMPLING

pytestmark = pytest.mark.skipif(
    find_spec("ctranslate2") is None, reason="the extra 'serve' is not installed"
)


def on(model, precision):
    return on_backend(model, BACKENDS.build({"name": "ctranslate2", "precision": precision}))


@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
@pytest.mark.parametrize("is_tied", [True, False])
def test_exact_weights_give_our_answers(wide, same_answers, family, is_tied):
    model = wide(family, is_tied)
    same_answers(model, on(model, "float32"))


def test_the_fastest_precision_answers(wide):
    fastest = BACKENDS.build({"name": "ctranslate2", "precision": "int8"})
    assert BACKENDS.build("ctranslate2").kept_as == fastest.kept_as
    answers = on(wide(), "fastest").generate(PROMPTS, SAMPLING)
    assert [answer.num_new_tokens > 0 for answer in answers] == [True] * len(PROMPTS)


def test_a_precision_that_it_lacks_is_refused(wide):
    with pytest.raises(ConfigError, match="precision=bfloat16, must be fastest or one of"):
        on(wide(), "bfloat16")


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
