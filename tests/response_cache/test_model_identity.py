"""Two models are the same exactly if they were made of the same."""

import json

import pytest
import torch

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.prompting.few_shot import FewShot
from acclimate.methods.retrieval.hybrid_rag import HybridRAG
from acclimate.methods.tuning.lora import LoRA
from acclimate.models.local.huggingface import HuggingFace
from acclimate.response_cache.model_identity import identity_of
from small_echo import Echo


def adapted(tiny, data):
    return LoRA(training={"num_epochs": 1}).fit(tiny, data, seed=0)


def retrieving(tiny, data):
    return HybridRAG().fit(FewShot(num_shots=1).fit(tiny, data, seed=0), data, seed=0)


@pytest.mark.parametrize(
    "make", [lambda tiny, _: tiny, adapted, retrieving], ids=["base", "adapter", "rag"]
)
def test_the_same_after_it_was_saved(make, tiny, small_data, tmp_path):
    model = make(tiny, small_data)
    save_model(model, tmp_path / "saved")
    assert identity_of(load_model(tmp_path / "saved")) == identity_of(model)


def test_the_same_whatever_the_order_of_sets(tiny, small_data, tmp_path):
    model = adapted(tiny, small_data)
    save_model(model, tmp_path / "saved")
    path = tmp_path / "saved" / "adapter_config.json"
    told = json.loads(path.read_text())
    told["target_modules"].reverse()
    path.write_text(json.dumps({**told, "base_model_name_or_path": "elsewhere"}))
    assert identity_of(load_model(tmp_path / "saved", outside=None)) == identity_of(model)


def test_the_same_of_the_same_folder(tiny, model_folder):
    assert identity_of(HuggingFace(path=str(model_folder("llama"))).load()) == identity_of(tiny)


def test_another_for_each_part_that_differs(tiny, small_data):
    def changed(change):
        network = tiny.owned_copy()
        with torch.no_grad():
            change(network)
        return tiny.with_network(network)

    def nudge(network):
        next(network.parameters())[-1, -1] += 1e-3

    def rename(network):
        network.config.rms_norm_eps = 1e-2

    few = FewShot().fit(tiny, small_data, seed=0)
    models = [
        *(tiny, changed(nudge), changed(rename), few, FewShot().fit(tiny, small_data, seed=1)),
        *(FewShot().fit(few, small_data, seed=0), adapted(tiny, small_data), Echo(), Echo("no")),
    ]
    assert len({identity_of(model) for model in models}) == len(models)
    assert identity_of(changed(lambda _: None)) == identity_of(tiny)


def test_what_cannot_be_saved_cannot_be_told_apart():
    class Remote(Model):
        def generate(self, prompts, sampling):
            return []

        def loglikelihood(self, pairs):
            return []

    with pytest.raises(NotApplicableError, match="Remote cannot be saved"):
        identity_of(Remote())
