"""Rows read side by side what each reads alone, whatever of them was read before."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.core.prompt import RUNNING_TEXT, Prompt
from acclimate.inference.cache_settings import CacheSettings
from acclimate.inference.engine.causal_batch import CausalBatch
from acclimate.inference.engine.engine import engine_of
from acclimate.methods.tuning.prefix_tuning import PrefixTuning
from acclimate.methods.tuning.prompt_tuning import PromptTuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.decoder.kv_cache import KVCache
from acclimate.training.tuning_settings import TrainingSettings

TEXTS = ("one two three four", "five six", "one two three four and more of it", "x")
PROMPTS = [Prompt(text, template=RUNNING_TEXT) for text in TEXTS]
SAMPLING = Sampling(max_new_tokens=12)


@pytest.mark.parametrize("method", [PrefixTuning, PromptTuning])
def test_virtual_tokens_stand_before_rows_beside_others_that_were_read(method, tiny, small_data):
    training = TrainingSettings(num_epochs=1)
    model = method(learning_rate=0.3, training=training).fit(tiny, small_data, seed=0)
    alone = [model.generate([prompt], SAMPLING)[0].text for prompt in PROMPTS]
    engine_of(model.network).prefix_bytes = 10**7
    model.generate(PROMPTS[:1], SAMPLING)
    together = model.generate(PROMPTS, SAMPLING)
    assert [answer.text for answer in together] == alone
    assert together[0].num_cached_tokens > 0
    assert together[1].num_cached_tokens == 0


def test_rows_that_keep_nothing_stand_beside_none_that_do(tiny):
    bare = replace(tiny, cache_settings=CacheSettings(has_key_values=False))
    alone = [tiny.generate([prompt], SAMPLING)[0].text for prompt in PROMPTS]
    asked = [(model, place) for place in range(len(PROMPTS)) for model in (tiny, bare)] * 4

    def answer(asking):
        model, place = asking
        return model.generate([PROMPTS[place]], SAMPLING)[0].text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answer, asked)) == [alone[place] for _, place in asked]


@pytest.mark.parametrize("num_new", [1, 3])
@torch.inference_mode()
def test_rows_of_very_different_lengths_attend_to_their_own(num_new, model_folder):
    network = HuggingFace(path=str(model_folder("qwen3"))).load().network
    contexts = [[3 + (row + place) % 50 for place in range(2 + 9 * row)] for row in range(12)]

    def after(asked):
        rows = CausalBatch(network, asked, KVCache(len(asked)), {})
        rows.prefill(200)
        logits = rows.decode(torch.full((len(asked), num_new), 7))
        return logits, len(rows.length_groups.ends(rows.cache.lengths))

    together, num_bands = after(contexts)
    assert num_bands > 1
    for row, context in enumerate(contexts):
        assert torch.allclose(together[row], after([context])[0][0], atol=1e-5)
