from importlib.util import find_spec

import pytest

from acclimate.core.errors import NotApplicableError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS

pytestmark = pytest.mark.skipif(
    find_spec("onnxruntime_genai") is None, reason="the extra 'serve' is not installed"
)


def on(model, precision):
    return on_backend(model, BACKENDS.build({"name": "onnxruntime", "precision": precision}))


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
