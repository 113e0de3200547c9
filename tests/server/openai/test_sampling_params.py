"""How requests become samplings."""

import json

import pytest

from acclimate.core.domain import Task
from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling
from acclimate.server.api_errors import ApiError
from acclimate.server.limits import Limits
from acclimate.server.openai.requests import ChatRequest, CompletionRequest
from acclimate.server.openai.sampling_params import limits_for, longest, number_of, sampling_from
from acclimate.server.task_prompts import with_task_prompts
from server.small_systems import Says

LIMITS = Limits(max_new_tokens=100, default_new_tokens=50, max_answers=8)


def chat(**fields):
    messages = [{"role": "user", "content": "x"}]
    return ChatRequest.model_validate({"model": "m", "messages": messages, "seed": 3, **fields})


def text(**fields):
    return CompletionRequest.model_validate({"model": "m", "prompt": "x", "seed": 3, **fields})


def sampled(asked):
    return sampling_from(asked, LIMITS).model_dump(exclude_defaults=True)


def test_what_is_not_said_is_greedy():
    assert sampling_from(chat(), LIMITS) == Sampling(max_new_tokens=50, seed=3)
    assert sampling_from(text(), LIMITS) == Sampling(max_new_tokens=16, seed=3)


def test_what_is_not_said_stays_within_the_limits():
    few = Limits(max_new_tokens=5)
    assert sampling_from(chat(), few).max_new_tokens == 5
    assert sampling_from(text(), few).max_new_tokens == 5


def test_a_chat_that_does_not_say_answers_as_long_as_its_task():
    tasks = [
        Task(name=name, metrics=("exact_match",), max_new_tokens=number)
        for name, number in (("short", 7), ("long", 1000))
    ]
    system = with_task_prompts(Says("x"), tasks)
    for model, task, told in (
        (system, "short", 7),
        (system, "long", 100),
        (system, "", 50),
        (with_task_prompts(Says("x"), tasks[:1]), "", 7),
        (Says("x"), "short", 50),
    ):
        own = limits_for(model, task, LIMITS)
        assert sampling_from(chat(), own).max_new_tokens == told
        assert sampling_from(chat(max_tokens=9), own).max_new_tokens == 9
    with pytest.raises(ConfigError, match="no task is called 'none'"):
        limits_for(system, "none", LIMITS)


def test_each_field_has_its_place():
    said = {"temperature": 0.5, "top_k": 4, "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.2}
    assert sampled(chat(**said, max_tokens=7)) == {**said, "max_new_tokens": 7, "seed": 3}
    assert sampled(chat(max_completion_tokens=9))["max_new_tokens"] == 9
    assert sampled(chat(stop="a"))["stop"] == ("a",)
    assert sampled(chat(stop=["a", "b"]))["stop"] == ("a", "b")
    assert sampled(chat(logprobs=True))["logprobs"] == 0
    assert sampled(chat(logprobs=True, top_logprobs=5))["logprobs"] == 5
    assert sampled(text(logprobs=2))["logprobs"] == 2


def test_forms_of_answers():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert json.loads(sampled(chat(response_format=wanted))["json_schema"]) == schema
    assert sampled(chat(response_format={"type": "regex", "regex": "a+"}))["regex"] == "a+"
    chosen = {"type": "choice", "choice": ["a", "b"]}
    assert sampled(chat(response_format=chosen))["choice"] == ("a", "b")
    any_json = sampled(chat(response_format={"type": "json_object"}))["json_schema"]
    assert json.loads(any_json) == {"type": "object"}
    assert sampled(chat(response_format={"type": "text"})) == sampled(chat())


def test_a_seed_is_drawn_where_none_is_given():
    drawn = {sampling_from(chat(seed=None), LIMITS).seed for _ in range(8)}
    assert len(drawn) > 1


@pytest.mark.parametrize("told", [-1, 0, 101])
def test_too_many_tokens(told):
    with pytest.raises(ApiError, match="must be from 1 to 100") as caught:
        sampling_from(chat(max_tokens=told), LIMITS)
    assert caught.value.status == 422
    assert caught.value.param == "max_tokens"


def test_the_limit_is_named_as_it_was_given():
    with pytest.raises(ApiError, match="max_completion_tokens=0, must be from 1") as caught:
        sampling_from(chat(max_completion_tokens=0), LIMITS)
    assert caught.value.param == "max_completion_tokens"
    with pytest.raises(ApiError, match="max_tokens=7 and max_completion_tokens=9 are two name"):
        sampling_from(chat(max_tokens=7, max_completion_tokens=9), LIMITS)


def test_an_echo_needs_no_answer():
    assert longest(text(max_tokens=0, echo=True), LIMITS) == 0
    with pytest.raises(ApiError):
        longest(text(max_tokens=0), LIMITS)


def test_too_many_answers():
    assert number_of(chat(n=8), 1, LIMITS) == 8
    for asked, num_prompts in ((chat(n=9), 1), (text(n=3), 3), (text(), 9)):
        with pytest.raises(ApiError, match="at most 8 answers"):
            number_of(asked, num_prompts, LIMITS)
    with pytest.raises(ApiError, match="best_of=3"):
        number_of(text(best_of=3), 1, LIMITS)
    assert number_of(text(best_of=2, n=2), 1, LIMITS) == 2


def test_the_likeliest_need_logprobs():
    with pytest.raises(ApiError, match="needs logprobs=true"):
        sampling_from(chat(top_logprobs=2), LIMITS)
