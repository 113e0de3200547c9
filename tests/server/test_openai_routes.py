"""The API by its answers: what is asked is what is given, and what is wrong is said."""

import json
import time

import pytest

from acclimate.core.domain import Task
from acclimate.core.model import Sampling
from acclimate.core.prompt import RUNNING_TEXT, Prompt
from acclimate.server.limits import Limits
from acclimate.server.task_prompts import with_task_prompts
from server.small_systems import Says
from server.told_systems import Breaks

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
HELLO = [{"role": "user", "content": "What is the answer?"}]


def ask(client, path, **fields):
    answer = client.post(path, json={"model": "tiny", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def chunks(client, path, **fields):
    text = client.post(path, json={"model": "tiny", "stream": True, **fields}).text
    *events, done, empty = text.split("\n\n")
    assert (done, empty) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def refused(client, status, path=CHAT, **fields):
    fields = {"model": "tiny", "messages": HELLO, **fields} if path == CHAT else fields
    answer = client.post(path, json=fields)
    error = answer.json()["error"]
    assert answer.status_code == status, error
    assert "Traceback" not in answer.text
    return error


def test_a_chat_is_the_models_own_answer(client, tiny):
    (own,) = tiny.generate([Prompt("What is the answer?")], Sampling(max_new_tokens=12))
    told = ask(client, CHAT, messages=HELLO, max_tokens=12)
    assert told["object"] == "chat.completion"
    assert told["choices"][0]["message"]["content"] == own.text
    assert told["choices"][0]["finish_reason"] == ("length" if own.is_cut else "stop")
    assert told["usage"]["prompt_tokens"] == own.num_prompt_tokens
    assert told["usage"]["completion_tokens"] == own.num_new_tokens


def test_a_stream_says_the_same(client):
    for path, asked in ((CHAT, {"messages": HELLO}), (TEXT, {"prompt": "What is"})):
        whole = ask(client, path, max_tokens=12, **asked)
        options = {"include_usage": True}
        *written, told = chunks(client, path, max_tokens=12, stream_options=options, **asked)
        said = whole["choices"][0]
        pieces = [c["choices"][0] for c in written]
        if path == CHAT:
            text = "".join(p["delta"].get("content", "") for p in pieces)
            assert text == said["message"]["content"]
        else:
            assert "".join(p["text"] for p in pieces) == said["text"]
        assert pieces[-1]["finish_reason"] == said["finish_reason"]
        # What was read for the first is there for the second.
        for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
            assert told["usage"][name] == whole["usage"][name]


def test_a_seed_decides_a_draw(client):
    def drawn(seed, **more):
        fields = {"prompt": "What is", "temperature": 1.5, "max_tokens": 8, "seed": seed, **more}
        return [choice["text"] for choice in ask(client, TEXT, **fields)["choices"]]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    several = drawn(1, n=4)
    assert len(set(several)) > 1
    assert several == drawn(1, n=4)
    assert several[0] == drawn(1)[0]


def test_several_prompts_with_several_answers_each(client):
    told = ask(client, TEXT, prompt=["What is", "The answer is"], n=2, max_tokens=3)
    assert [choice["index"] for choice in told["choices"]] == [0, 1, 2, 3]
    alone = [ask(client, TEXT, prompt=p, max_tokens=3) for p in ("What is", "The answer is")]
    texts = [choice["text"] for choice in told["choices"]]
    expected = [a["choices"][0]["text"] for a in alone]
    assert texts == [expected[0], expected[0], expected[1], expected[1]]
    read = [a["usage"]["prompt_tokens"] for a in alone]
    assert told["usage"]["prompt_tokens"] == sum(read)


def test_ids_and_their_text_are_answered_alike(client, tiny):
    ids = tiny.tokenizer("The answer is")["input_ids"]
    by_text = ask(client, TEXT, prompt="The answer is", max_tokens=5)
    for asked in (ids, [ids]):
        by_ids = ask(client, TEXT, prompt=asked, max_tokens=5)
        assert by_ids["choices"] == by_text["choices"]


def test_stop_and_forms(client):
    whole = ask(client, TEXT, prompt="What is", max_tokens=12)["choices"][0]["text"]
    stop = whole[3:5]
    cut = ask(client, TEXT, prompt="What is", max_tokens=12, stop=[stop])["choices"][0]
    assert cut["text"] == whole[: whole.index(stop)].strip()
    assert cut["finish_reason"] == "stop"
    form = {"type": "choice", "choice": ["blue", "red"]}
    chosen = ask(client, CHAT, messages=HELLO, response_format=form)
    assert chosen["choices"][0]["message"]["content"] in {"blue", "red"}


def test_logprobs(client):
    told = ask(client, CHAT, messages=HELLO, max_tokens=4, logprobs=True, top_logprobs=3)
    tokens = told["choices"][0]["logprobs"]["content"]
    assert len(tokens) == 4
    for token in tokens:
        best = token["top_logprobs"]
        assert len(best) == 3
        assert token["logprob"] == best[0]["logprob"] == max(b["logprob"] for b in best)
    written = chunks(client, CHAT, messages=HELLO, max_tokens=4, logprobs=True)
    ends = [c["choices"][0].get("logprobs") for c in written]
    assert [t["token"] for t in ends[-1]["content"]] == [t["token"] for t in tokens]


def test_sources_are_told(client_of):
    client = client_of(tiny=Says("yes", "The laws"))
    told = ask(client, CHAT, messages=HELLO)["choices"][0]["message"]["sources"]
    assert told == [{"document": "The laws.md", "title": "The laws", "text": "Of The laws."}]
    assert ask(client, TEXT, prompt="x")["choices"][0]["sources"] == told


def test_the_task_reaches_the_model(client_of):
    system = Says("yes")
    client = client_of(tiny=system)
    ask(client, CHAT, messages=HELLO, task="colour")
    ask(client, TEXT, prompt="x", task="food")
    assert [(p.task, p.template == RUNNING_TEXT) for p, _ in system.asked] == [
        ("colour", False),
        ("food", True),
    ]


def test_the_task_may_stand_in_the_address(client_of):
    system = Says("yes")
    client = client_of(tiny=system)
    ask(client, f"{CHAT}?task=colour", messages=HELLO)
    ask(client, f"{TEXT}?task=colour", prompt="x")
    ask(client, f"{TEXT}?task=colour", prompt="x", task="food")
    assert [prompt.task for prompt, _ in system.asked] == ["colour", "colour", "food"]


def test_a_chat_is_as_long_as_its_task_says(client_of):
    system = Says("yes")
    task = Task(name="colour", metrics=("exact_match",), max_new_tokens=7)
    client = client_of(tiny=with_task_prompts(system, [task]))
    ask(client, CHAT, messages=HELLO, task="colour")
    ask(client, CHAT, messages=HELLO, task="colour", max_tokens=9)
    assert [sampling.max_new_tokens for _, sampling in system.asked] == [7, 9]
    assert "no task is called 'food'" in refused(client, 422, task="food")["message"]


def test_models(client_of, tiny):
    client = client_of(**{"tiny": tiny, "tiny:law": tiny, "a/b": tiny})
    told = client.get("/v1/models").json()
    assert [model["id"] for model in told["data"]] == ["tiny", "tiny:law", "a/b"]
    assert client.get("/v1/models/a/b").json()["id"] == "a/b"
    assert client.get("/v1/models/tiny:law").json()["object"] == "model"
    assert client.get("/v1/models/none").status_code == 404


def test_neutral_fields_pass(client):
    neutral = {
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "logit_bias": {},
        "user": "me",
        "store": False,
        "metadata": {"a": "b"},
        "tools": [],
        "tool_choice": "none",
        "parallel_tool_calls": True,
        "n": None,
        "stop": None,
        "service_tier": "auto",
    }
    ask(client, CHAT, messages=HELLO, max_tokens=1, **neutral)
    ask(client, TEXT, prompt="x", max_tokens=1, suffix=None, best_of=1)


def test_an_answer_may_be_sent_back_as_it_came(client_of):
    client = client_of(tiny=Says("yes", "The laws"))
    message = ask(client, CHAT, messages=HELLO)["choices"][0]["message"]
    nothing = {"annotations": [], "tool_calls": None, "function_call": None, "audio": None}
    ask(client, CHAT, messages=[*HELLO, {**message, **nothing}, *HELLO])
    called = {**message, "tool_calls": [{"id": "1"}]}
    told = refused(client, 422, messages=[*HELLO, called, *HELLO])["message"]
    assert "messages.1.tool_calls=[{'id': '1'}]: must be empty, for no tools are called" in told


IMAGE = {"type": "image_url", "image_url": {"url": "http://x"}}


def test_what_a_field_may_be_is_said_once(client):
    error = refused(client, 422, TEXT, model="tiny", prompt=[])
    assert error["message"] == (
        "request: prompt=[]: input should be a valid string, or list should have at least 1 item, "
        "not 0"
    )
    assert error["param"] == "prompt"
    assert refused(client, 422, messages=[{"role": "user", "content": [IMAGE]}])["param"] == (
        "messages.0.content.0"
    )


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (None, "is missing"),
        ("", "is missing"),
        ("text/plain", "is 'text/plain'"),
        ("application/x-www-form-urlencoded", "is 'application/x-www-form-urlencoded'"),
        ("a" * 999, f"is '{'a' * 80}'"),
    ],
)
def test_bodies_that_are_not_sent_as_json(client, kind, told):
    headers = {} if kind is None else {"content-type": kind}
    body = json.dumps({"model": "tiny", "messages": HELLO}).encode()
    answer = client.post(CHAT, content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == (
        f"the header Content-Type {told}, must be application/json; send a JSON object"
    )


@pytest.mark.parametrize("kind", ["APPLICATION/JSON", "application/vnd.api+json; charset=utf-8"])
def test_bodies_that_are_sent_as_json(client, kind):
    for body, told in ((b"[1]", "[1]"), (b'"x"', '"x"'), (b"", "empty")):
        answer = client.post(CHAT, content=body, headers={"content-type": kind})
        assert answer.json()["error"]["message"] == f"the body is {told}, must be a JSON object"
    body = json.dumps({"model": "tiny", "messages": HELLO, "max_tokens": 1}).encode()
    assert client.post(CHAT, content=body, headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"temprature": 1}, "no field is called 'temprature'; did you mean temperature?"),
        ({"frequency_penalty": 0.5}, "frequency_penalty=0.5: must be 0; repetition_penalty"),
        ({"tools": [{"type": "function"}]}, "must be empty, for no tools are called here"),
        ({"temperature": -1}, "temperature=-1"),
        ({"temperature": "hot"}, "temperature='hot'"),
        ({"top_p": 0}, "top_p=0"),
        ({"n": 10**6}, "n=1000000"),
        ({"n": 0}, "n=0"),
        ({"max_tokens": 10**9}, "max_tokens=1000000000"),
        ({"stop": [""]}, "at least 1 character"),
        ({"seed": 2**70}, "seed"),
        ({"messages": []}, "messages=[]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role='tool'"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        (
            {"messages": [{"role": "user", "content": [IMAGE]}]},
            "messages.0.content.0={'type': 'image_url', 'image_url': {'url': 'http://x'}}: "
            "must be of type 'text', for only text is read here; leave it out",
        ),
        (
            {"messages": [{"role": "user", "content": ["x"]}]},
            "request: messages.0.content.0='x': input should be a mapping (name: value)",
        ),
        ({"stop": ["a", 1]}, "request: stop.1=1: input should be a valid string"),
        ({"response_format": {"type": "xml"}}, "response_format.type='xml': must be one of 'text'"),
        ({"response_format": {}}, "request: response_format.type is missing"),
        ({"max_tokens": 4, "max_completion_tokens": 5}, "two names of one limit; give one"),
        ({"response_format": {"type": "regex", "regex": "("}}, "regex"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs=21"),
    ],
)
def test_wrong_fields_are_named(client, fields, told):
    assert told in refused(client, 422, **fields)["message"]


def test_a_prompt_beyond_the_context(client):
    long = [{"role": "user", "content": "answer " * 1000}]
    for stream in (False, True):
        error = refused(client, 422, messages=long, stream=stream)
        assert "context window of 256" in error["message"]
    error = refused(client, 422, TEXT, model="tiny", prompt="answer " * 1000, echo=True, logprobs=1)
    assert "must be from 1 to 255" in error["message"]


def test_unknown_models(client):
    error = refused(client, 404, model="tony")
    assert error["code"] == "model_not_found"
    assert error["message"] == "no model is called 'tony'; did you mean tiny?"


def test_a_crash_harms_nobody_else(client_of, tiny, caplog):
    client = client_of(tiny=tiny, broken=Breaks())
    for stream in (False, True):
        error = refused(client, 500, model="broken", stream=stream)
        assert "the server failed on this request (RuntimeError)" in error["message"]
        assert "secret detail" not in error["message"]
    assert "secret detail" in caplog.text
    ask(client, CHAT, messages=HELLO, max_tokens=1)
    places = client.app.state.service.admission
    for _ in range(500):  # threads give their places back when they are done
        if places.taken == 0:
            break
        time.sleep(0.01)
    assert places.taken == 0


def test_a_crash_on_the_way_is_the_last_event(client_of, caplog):
    client = client_of(broken=Breaks())
    late = [{"role": "user", "content": "late"}]
    body = {"model": "broken", "messages": late, "stream": True}
    answer = client.post(CHAT, json=body)
    *_, last, empty = answer.text.split("\n\n")
    assert answer.status_code == 200
    assert empty == ""
    assert "failed on this request" in json.loads(last.removeprefix("data: "))["error"]["message"]
    assert "so far" in answer.text


def test_faults_of_the_model_are_told_as_they_are(client_of):
    client = client_of(broken=Breaks())
    for text, status in (("data", 422), ("backend", 500)):
        asked = [{"role": "user", "content": text}]
        error = refused(client, status, model="broken", messages=asked)
        assert error["message"] in {"the question is wrong; ask another", "the disk is gone"}


def test_limits_are_kept(client_of, tiny):
    limits = Limits(max_new_tokens=5, max_answers=2, max_texts=1)
    client = client_of(tiny=tiny, options={"limits": limits})
    assert "1 to 5" in refused(client, 422, max_tokens=6)["message"]
    assert "at most 2 answers" in refused(client, 422, max_tokens=5, n=3)["message"]
    error = refused(client, 422, "/v1/embeddings", model="tiny", input=["a", "b"])
    assert "2 texts, must be at most 1" in error["message"]
