"""Mean states, against transformers' own hidden states."""

import numpy as np
import pytest
import torch

from acclimate.inference.embeddings import mean_states
from acclimate.models.local.huggingface import HuggingFace

TEXTS = ["What is the answer?", "a", "", "The answer is in the passage."]


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_it_is_the_mean_of_the_last_states(model_folder, family):
    model = HuggingFace(path=str(model_folder(family))).load()
    found = mean_states(model, TEXTS)
    assert found.shape == (4, 32)
    for text, vector in zip(TEXTS, found, strict=True):
        ids = model.tokenizer(text)["input_ids"]
        if not ids:
            assert not vector.any()
            continue
        inner = model.network.get_encoder() if family == "t5" else model.network
        with torch.no_grad():
            states = inner(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1][0]
        own = states.mean(0).numpy()
        np.testing.assert_allclose(vector, own / np.linalg.norm(own), atol=1e-5)


def test_a_long_text_is_read_as_far_as_the_window(tiny):
    (found,) = mean_states(tiny, ["answer " * 1000])
    assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5)
