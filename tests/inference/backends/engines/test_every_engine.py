"""Every engine that runs here answers as the network does, exactly where its weights are exact."""

from importlib.util import find_spec

import pytest

from acclimate.core.errors import ConfigError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS
from inference.backends.conftest import PROMPTS, SAMPLING

ENGINES = {
    "ctranslate2": ("ctranslate2", "float32", "int8"),
    "onnxruntime": ("onnxruntime_genai", "float32", "int4"),
    "openvino": ("openvino_genai", "float16", "int8"),
}
"""Name → its library, the precision that holds our test weights as they are, and its fastest."""


@pytest.fixture(params=ENGINES)
def engine(request):
    if find_spec(ENGINES[request.param][0]) is None:
        pytest.skip("the extra 'serve' is not installed")
    return request.param


def on(model, engine, precision):
    return on_backend(model, BACKENDS.build({"name": engine, "precision": precision}))


@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
@pytest.mark.parametrize("is_tied", [True, False])
def test_exact_weights_give_our_answers(wide, same_answers, engine, family, is_tied):
    model = wide(family, is_tied)
    same_answers(model, on(model, engine, ENGINES[engine][1]))


def test_the_fastest_precision_answers(wide, engine):
    fastest = BACKENDS.build({"name": engine, "precision": ENGINES[engine][2]})
    assert BACKENDS.build(engine).kept_as == fastest.kept_as
    answers = on(wide(), engine, "fastest").generate(PROMPTS, SAMPLING)
    assert [answer.num_new_tokens > 0 for answer in answers] == [True] * len(PROMPTS)


def test_a_precision_that_it_lacks_is_refused(wide, engine):
    with pytest.raises(ConfigError, match="precision=bfloat16, must be fastest or one of"):
        on(wide(), engine, "bfloat16")
