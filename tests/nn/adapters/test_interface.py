"""Tell a base by its weights, in less precision too, from any other."""

import copy
from dataclasses import replace

import pytest
import torch

from acclimate.core.domain import Item, Task, TrainData
from acclimate.core.errors import BackendError, NotApplicableError
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.tuning.lora import LoRA
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.nn.weights_identity import fingerprint
from acclimate.training.tuning_settings import TrainingSettings

ITEMS = tuple(Item(id=str(i), question=f"{i}?", target="the answer") for i in range(2))
DATA = TrainData(train=(Task(name="t", metrics=("exact_match",), items=ITEMS),))


def changed(network):
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.get_input_embeddings().weight[0, 0] += 1.0
    return other


def test_the_same_weights_are_known_again(tiny):
    own = fingerprint(tiny.network)
    assert fingerprint(copy.deepcopy(tiny.network)) == own
    assert fingerprint(copy.deepcopy(tiny.network).to(torch.bfloat16)) == own
    assert fingerprint(changed(tiny.network)) != own


def test_an_adapter_on_another_base_is_refused(tiny, tmp_path):
    tuned = LoRA(training=TrainingSettings(num_epochs=1)).fit(tiny, DATA, seed=0)
    save_model(tuned, tmp_path, outside=tiny)
    with pytest.raises(BackendError, match="trained on other weights"):
        load_model(tmp_path, outside=tiny.with_network(changed(tiny.network)))


def test_an_adapter_beside_a_tokenizer_that_changed_is_refused(tiny, tmp_path):
    tuned = LoRA(training=TrainingSettings(num_epochs=1)).fit(tiny, DATA, seed=0)
    save_model(tuned, tmp_path, outside=tiny)
    tokenizer = copy.deepcopy(tiny.tokenizer)
    tokenizer.add_tokens(["hydroxychloroquine"])
    with pytest.raises(BackendError, match=r"tokenizer of the model .* has changed since"):
        load_model(tmp_path, outside=replace(tiny, tokenizer=tokenizer))


class Unmergeable(PeftAdapter):
    def merged(self):
        return None


def test_weights_under_an_adapter_that_stays_apart_are_not_tuned(tiny):
    put_on = lambda network: Unmergeable(LoRA().with_adapter(tiny, TrainData()).adapter.model)  # noqa: E731
    with pytest.raises(NotApplicableError, match="Unmergeable"):
        tiny.adapted(put_on).owned_copy()
