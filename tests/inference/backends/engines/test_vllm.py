import sys
from types import ModuleType, SimpleNamespace

import pytest

from acclimate.core.errors import ConfigError
from acclimate.inference.backends.backend_model import on_backend
from acclimate.inference.backends.interface import BACKENDS
from inference.backends.conftest import PROMPTS, SAMPLING


def test_where_it_is_not_installed_a_sentence_says_so(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ConfigError, match="vllm is not installed here"):
        on_backend(tiny, BACKENDS.build("vllm"))


def test_what_it_is_asked_and_answers(tiny, monkeypatch):
    asked = []

    class Stand:
        def __init__(self, **options):
            asked.append(options)

        def generate(self, prompts, how, use_tqdm):
            asked.append((prompts, how))
            ids = [5, 6, 0]
            return [SimpleNamespace(outputs=[SimpleNamespace(token_ids=ids)]) for _ in prompts]

    library = ModuleType("vllm")
    library.LLM, library.SamplingParams = Stand, lambda **how: how
    monkeypatch.setitem(sys.modules, "vllm", library)
    model = on_backend(tiny, BACKENDS.build("vllm"))
    assert (asked[0]["dtype"], asked[0]["max_model_len"]) == ("bfloat16", 256)
    answers = model.generate(PROMPTS, SAMPLING)
    expected = tiny.tokenizer.decode([5, 6]).strip()
    assert [(a.text, a.num_new_tokens) for a in answers] == [(expected, 3)] * len(PROMPTS)
    prompts, how = asked[-1]
    assert prompts[0] == {"prompt_token_ids": tiny.encode(PROMPTS[0])[0]}
    assert how[0] == {"temperature": 0.0, "max_tokens": 12, "stop_token_ids": [0]}
