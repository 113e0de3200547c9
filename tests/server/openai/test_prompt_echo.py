"""Echoed prompts: their tokens, weighed, are what the model's own weighing comes to."""

import pytest
from fastapi.testclient import TestClient

from acclimate.core.prompt import RUNNING_TEXT, Example, Prompt
from acclimate.models.local.embedded import Embedded
from acclimate.prompting.demonstrations import FewShotModel
from acclimate.server.app import build_app
from server.small_systems import Says

STEM, END = "Question: What is the answer?\nAnswer:", " in the passage"


def complete(client, **fields):
    answer = client.post("/v1/completions", json={"model": "tiny", "max_tokens": 1, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def weighed(choice, num_before):
    """Nats of what stands after so many tokens, without the one that was drawn."""
    return sum(choice["logprobs"]["token_logprobs"][num_before:-1])


def test_the_sum_is_the_models_own(client, tiny):
    before = tiny.tokenizer(STEM)["input_ids"]
    whole = tiny.tokenizer(STEM + END)["input_ids"]
    (own,) = tiny.loglikelihood([(Prompt(STEM, template=RUNNING_TEXT), END.strip())])
    for prompt in (STEM + END, whole, [whole]):
        choice = complete(client, prompt=prompt, echo=True, logprobs=1)["choices"][0]
        assert len(choice["logprobs"]["tokens"]) == len(whole) + 1
        assert weighed(choice, len(before)) == pytest.approx(own.logprob, abs=1e-4)
        assert choice["text"].startswith(STEM + END)
        assert choice["logprobs"]["token_logprobs"][0] is None


def test_the_token_that_follows_is_the_one_that_is_drawn(client):
    echoed = complete(client, prompt=STEM, echo=True, logprobs=2)
    drawn = complete(client, prompt=STEM, logprobs=2)
    last = {k: v[-1] for k, v in echoed["choices"][0]["logprobs"].items() if k != "text_offset"}
    only = {k: v[0] for k, v in drawn["choices"][0]["logprobs"].items() if k != "text_offset"}
    assert last["tokens"] == only["tokens"]
    assert last["token_logprobs"] == pytest.approx(only["token_logprobs"], abs=1e-4)
    assert last["top_logprobs"] == pytest.approx(only["top_logprobs"], abs=1e-4)
    assert echoed["usage"]["completion_tokens"] == 1
    assert echoed["usage"]["prompt_tokens"] == drawn["usage"]["prompt_tokens"]


def test_the_token_that_follows_ends_before_a_stop(client):
    stem = "The answer is"  # after which it says a character that is whole
    whole = complete(client, prompt=stem, echo=True, logprobs=0)["choices"][0]
    said = whole["text"][len(stem) :]
    told = complete(client, prompt=stem, echo=True, logprobs=0, stop=said[-1])["choices"][0]
    assert told["text"] == stem + said[: said.index(said[-1])].rstrip()
    assert (whole["finish_reason"], told["finish_reason"]) == ("length", "stop")


def test_an_echo_alone(client):
    told = complete(client, prompt=STEM, echo=True, logprobs=0, max_tokens=0)
    choice = told["choices"][0]
    assert choice["text"] == STEM
    assert choice["finish_reason"] == "length"
    assert told["usage"]["completion_tokens"] == 0
    assert None not in choice["logprobs"]["token_logprobs"][1:]
    form = {"type": "regex", "regex": "[0-9]{3}"}
    plain = complete(client, prompt=STEM, echo=True, max_tokens=0, response_format=form)
    assert plain["choices"][0]["text"] == STEM
    assert plain["choices"][0]["finish_reason"] == "length"
    for name in ("prompt_tokens", "completion_tokens"):
        assert plain["usage"][name] == told["usage"][name]


def test_a_longer_answer(client, tiny):
    told = complete(client, prompt=STEM, echo=True, logprobs=1, max_tokens=6)
    drawn = complete(client, prompt=STEM, logprobs=1, max_tokens=6)
    num_prompt = len(tiny.tokenizer(STEM)["input_ids"])
    tokens = told["choices"][0]["logprobs"]["tokens"]
    assert tokens[num_prompt:] == drawn["choices"][0]["logprobs"]["tokens"]
    assert told["choices"][0]["text"].endswith(drawn["choices"][0]["text"])
    plain = complete(client, prompt=STEM, echo=True, max_tokens=6)["choices"][0]
    assert plain["text"] == told["choices"][0]["text"]
    assert plain["logprobs"] is None


def test_several_prompts(client):
    texts = [STEM + END, "The answer", STEM]
    together = complete(client, prompt=texts, echo=True, logprobs=1)["choices"]
    for text, choice in zip(texts, together, strict=True):
        (alone,) = complete(client, prompt=text, echo=True, logprobs=1)["choices"]
        assert choice["text"] == alone["text"]
        apart = alone["logprobs"]["token_logprobs"][1:]
        assert choice["logprobs"]["token_logprobs"][1:] == pytest.approx(apart, abs=1e-4)


def test_what_a_method_adds_stands_before_the_prompt(tiny):
    pool = {"food": (Example("What does it eat?", "seeds"),)}
    client = TestClient(build_app({"tiny": FewShotModel(tiny, pool, 1, "random")}))
    fields = {"echo": True, "logprobs": 1, "task": "food"}
    choice = complete(client, prompt=STEM + END, **fields)["choices"][0]
    before = "Question: What does it eat?\nAnswer: seeds\n\n"
    (own,) = tiny.loglikelihood([(Prompt(before + STEM, template=RUNNING_TEXT), END.strip())])
    num_stem = len(tiny.tokenizer(STEM)["input_ids"])
    assert len(choice["logprobs"]["tokens"]) == len(tiny.tokenizer(STEM + END)["input_ids"]) + 1
    assert weighed(choice, num_stem) == pytest.approx(own.logprob, abs=1e-3)
    assert choice["logprobs"]["token_logprobs"][0] is not None


def test_what_is_added_and_the_prompt_are_read_as_one_text():
    base = Embedded().load()
    pool = {"food": (Example("What does it eat?", "seeds"),)}
    client = TestClient(build_app({"tiny": FewShotModel(base, pool, 1, "random")}))
    # Its vocabulary has one token for the two line breaks at a text's end, two for those within.
    assert (
        len(base.tokenizer("a\n\n")["input_ids"]) < len(base.tokenizer("a\n\nQ")["input_ids"]) - 1
    )
    ids = base.tokenizer(STEM + END)["input_ids"]
    prompt = Prompt("What is the answer?", task="food", examples=pool["food"])
    (own,) = base.loglikelihood([(prompt, END.strip())])
    num_stem = len(base.tokenizer(STEM)["input_ids"])
    for asked in (STEM + END, ids):
        told = complete(client, prompt=asked, echo=True, logprobs=1, task="food")
        assert weighed(told["choices"][0], num_stem) == pytest.approx(own.logprob, abs=1e-3)


def test_what_is_added_is_cut_to_the_window(tiny):
    pool = {"food": (Example("What does it eat?", "seeds"),) * 40}
    client = TestClient(build_app({"tiny": FewShotModel(tiny, pool, 40, "random")}))
    told = complete(client, prompt=STEM + END, echo=True, logprobs=1, task="food")
    assert tiny.window - 40 < told["usage"]["prompt_tokens"] < tiny.window


def test_a_system_without_a_decoder_cannot_weigh(client_of):
    client = client_of(tiny=Says("yes"))
    body = {"model": "tiny", "prompt": "x", "echo": True}
    told = client.post("/v1/completions", json={**body, "logprobs": 1})
    assert told.status_code == 422
    assert "leave out echo or logprobs" in told.json()["error"]["message"]
    assert client.post("/v1/completions", json=body).json()["choices"][0]["text"] == "xyes"
