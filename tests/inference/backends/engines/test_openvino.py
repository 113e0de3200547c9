from importlib.util import find_spec

import pytest

from acclimate.core.errors import NotApplicableError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS

pytestmark = pytest.mark.skipif(
    find_spec("openvino_genai") is None, reason="the extra 'serve' is not installed"
)


def on(model, precision):
    return on_backend(model, BACKENDS.build({"name": "openvino", "precision": precision}))


def test_networks_that_our_file_cannot_hold_are_refused(model_folder):
    from acclimate.models.local.huggingface import HuggingFace

    with pytest.raises(NotApplicableError, match="no sliding window; this one's is 192"):
        on(HuggingFace(path=str(model_folder("mistral"))).load(), "float16")


def test_nothing_is_reported_to_its_makers():
    import sys

    BACKENDS.load("openvino")
    telemetry = sys.modules["openvino.tools.ovc"].telemetry
    assert type(telemetry).__module__ == "openvino.tools.ovc.telemetry_stub"
