from importlib.util import find_spec

import pytest

from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS
from inference.backends.conftest import PROMPTS, SAMPLING

pytestmark = pytest.mark.skipif(
    find_spec("onnxruntime_genai") is None, reason="the extra 'serve' is not installed"
)


def on(model, precision):
    return on_backend(model, BACKENDS.build({"name": "onnxruntime", "precision": precision}))


@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
@pytest.mark.parametrize("is_tied", [True, False])
def test_exact_weights_give_our_answers(wide, same_answers, family, is_tied):
    model = wide(family, is_tied)
    same_answers(model, on(model, "float32"))


def test_the_fastest_precision_answers(wide):
    fastest = BACKENDS.build({"name": "onnxruntime", "precision": "int4"})
    assert BACKENDS.build("onnxruntime").kept_as == fastest.kept_as
    answers = on(wide(), "fastest").generate(PROMPTS, SAMPLING)
    assert [answer.num_new_tokens > 0 for answer in answers] == [True] * len(PROMPTS)


def test_a_precision_that_it_lacks_is_refused(wide):
    with pytest.raises(ConfigError, match="precision=bfloat16, must be fastest or one of"):
        on(wide(), "bfloat16")


def test_narrow_heads_are_refused_before_anything_is_built(tiny):
    with pytest.raises(NotApplicableError, match="multiple of 16, and this network's is 8"):
        on(tiny, "fastest")


def test_a_group_that_would_leave_the_window_is_written_one_by_one(wide, same_answers):
    from acclimate.core.model import Sampling
    from acclimate.core.prompt import Prompt

    model = wide()
    prompts = [Prompt(question="Where is the passage? " * 14), Prompt(question="Who?")]
    sampling = Sampling(max_new_tokens=120)
    answers = on(model, "float32").generate(prompts, sampling)
    assert answers == model.generate(prompts, sampling)
