"""Keys and values are kept as long as is said, and answers stay what they were."""

import pytest

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.cost import metered
from acclimate.methods.inference.prefix_cache import PrefixCache
from acclimate.models.local.huggingface import HuggingFace
from acclimate.models.local.recorded import Recorded

SAMPLING = Sampling(max_new_tokens=6)
PROMPTS = [Prompt("the same beginning, word by word by word: " + end) for end in ("a", "b, c")]

CONTRACT = {
    "prefix_bytes": {"value": 0, "why": "a byte more or less keeps as many tokens"},
}


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2"])
@pytest.mark.parametrize("has_key_values", [True, False])
def test_answers_stay_what_they_were(family, has_key_values, model_folder, small_data):
    base = HuggingFace(path=str(model_folder(family))).load()
    method = PrefixCache(has_key_values=has_key_values)
    model = method.fit(base, small_data, seed=0)
    expected = [answer.text for answer in base.generate(PROMPTS, SAMPLING)]
    for _ in range(2):
        assert [answer.text for answer in model.generate(PROMPTS, SAMPLING)] == expected


def test_without_a_cache_every_token_is_read_again_for_each(tiny, small_data):
    model = PrefixCache(has_key_values=False).fit(tiny, small_data, seed=0)
    with metered() as meter:
        (answer,) = model.generate(PROMPTS[:1], SAMPLING)
    num_prompt, num_new = answer.num_prompt_tokens, answer.num_new_tokens
    assert meter.cost.prompt_tokens == sum(num_prompt + i for i in range(num_new))


def test_what_others_began_with_is_not_read_again(tiny, small_data):
    model = PrefixCache().fit(tiny, small_data, seed=0)
    first, second = (model.generate([prompt], SAMPLING)[0] for prompt in PROMPTS)
    assert first.num_cached_tokens < 10  # others that use this network may have begun alike
    assert second.num_cached_tokens > 20


def test_only_a_network_has_keys_and_values(small_data, tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"id": "1", "answer": "yes"}\n')
    with pytest.raises(NotApplicableError, match="one local network"):
        PrefixCache().fit(Recorded(path=str(path)).load(), small_data, seed=0)
