from importlib.util import find_spec

import pytest

from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS
from inference.backends.conftest import PROMPTS, SAMPLING

pytestmark = pytest.mark.skipif(
    find_spec("openvino_genai") is None, reason="the extra 'serve' is not installed"
)


def on(model, precision):
    return on_backend(model, BACKENDS.build({"name": "openvino", "precision": precision}))


@pytest.mark.parametrize("family", ["Llama", "Qwen3"])
@pytest.mark.parametrize("is_tied", [True, False])
def test_exact_weights_give_our_answers(wide, same_answers, family, is_tied):
    model = wide(family, is_tied)
    same_answers(model, on(model, "float16"))


def test_the_fastest_precision_answers(wide):
    fastest = BACKENDS.build({"name": "openvino", "precision": "int8"})
    assert BACKENDS.build("openvino").kept_as == fastest.kept_as
    answers = on(wide(), "fastest").generate(PROMPTS, SAMPLING)
    assert [answer.num_new_tokens > 0 for answer in answers] == [True] * len(PROMPTS)


def test_a_precision_that_it_lacks_is_refused(wide):
    with pytest.raises(ConfigError, match="precision=bfloat16, must be fastest or one of"):
        on(wide(), "bfloat16")


def test_networks_that_our_file_cannot_hold_are_refused(model_folder):
    from acclimate.models.local.huggingface import HuggingFace

    with pytest.raises(NotApplicableError, match="no sliding window; this one's is 192"):
        on(HuggingFace(path=str(model_folder("mistral"))).load(), "float16")


def test_nothing_is_reported_to_its_makers():
    import sys

    BACKENDS.load("openvino")
    telemetry = sys.modules["openvino.tools.ovc"].telemetry
    assert type(telemetry).__module__ == "openvino.tools.ovc.telemetry_stub"
