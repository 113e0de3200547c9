"""Adapters by name: the weights below are shared, and the wrong ones refused."""

import pytest

from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Example, Prompt
from acclimate.core.storage.saved_model import save_model
from acclimate.methods.tuning.lora import LoRA
from acclimate.models.local.huggingface import HuggingFace
from acclimate.prompting.demonstrations import FewShotModel
from acclimate.server.load_adapter import with_adapter
from acclimate.training.tuning_settings import TrainingSettings
from server.small_systems import Says

ASKED = [Prompt("What is the answer?"), Prompt("Where?")]
HOW = Sampling(max_new_tokens=8)


@pytest.fixture(scope="module")
def tuned(tiny, small_data):
    method = LoRA(rank=2, learning_rate=0.05, training=TrainingSettings(num_epochs=1))
    return method.fit(tiny, small_data, seed=0)


def texts(model):
    return [answer.text for answer in model.generate(ASKED, HOW)]


def test_a_saved_model_is_put_on(tiny, tuned, tmp_path):
    save_model(tuned, tmp_path / "whole")
    save_model(tuned, tmp_path / "beside", outside=tiny)
    own = texts(tiny)
    for name in ("whole", "beside"):
        found = with_adapter(tiny, tmp_path / name)
        assert texts(found) == texts(tuned) != own
        shared = {p.data_ptr() for p in found.network.parameters()}
        assert {p.data_ptr() for p in tiny.network.parameters()} <= shared
    assert texts(tiny) == own


def test_an_adapter_of_peft_is_put_on(tiny, tuned, tmp_path):
    tuned.adapter.write(tmp_path)
    assert texts(with_adapter(tiny, tmp_path)) == texts(tuned)


def test_what_stands_around_the_network_stays(tiny, tuned, tmp_path):
    save_model(tuned, tmp_path)
    system = FewShotModel(tiny, {"": (Example("a?", "b"),)}, 1, "random")
    found = with_adapter(system, tmp_path)
    assert isinstance(found, FewShotModel)
    assert texts(found) == texts(FewShotModel(tuned, {"": (Example("a?", "b"),)}, 1, "random"))


def test_another_network_is_refused(model_folder, tuned, tmp_path):
    save_model(tuned, tmp_path)
    base = HuggingFace(path=str(model_folder("qwen3"))).load()
    with pytest.raises(BackendError, match="trained on other weights"):
        with_adapter(base, tmp_path)


def test_what_is_no_adapter(tiny, tmp_path):
    with pytest.raises(ConfigError, match="no adapter lies there"):
        with_adapter(tiny, tmp_path)
    with pytest.raises(ConfigError, match="ends in Says"):
        with_adapter(Says("x"), tmp_path)
    (tmp_path / "model.yaml").write_text("[]")
    with pytest.raises(BackendError, match="not a model saved by acclimate"):
        with_adapter(tiny, tmp_path)
