"""Clients of others, unchanged: OpenAI's own, and lm_eval."""

import openai
import pytest

from acclimate.core.model import Sampling
from acclimate.core.prompt import RUNNING_TEXT, Prompt
from acclimate.server.app import build_app
from server.running import port_of, running

HELLO = [{"role": "user", "content": "What is the answer?"}]
KEY = "a-long-enough-key"


@pytest.fixture(scope="module")
def address(tiny):
    with running(build_app({"tiny": tiny, "tiny:law": tiny}, keys=[KEY])) as server:
        yield f"http://127.0.0.1:{port_of(server)}/v1"


@pytest.fixture
def client(address):
    with openai.OpenAI(base_url=address, api_key=KEY, max_retries=0) as client:
        yield client


def test_chats(client, tiny):
    (own,) = tiny.generate([Prompt("What is the answer?")], Sampling(max_new_tokens=8))
    asked = {"model": "tiny", "messages": HELLO, "max_tokens": 8}
    told = client.chat.completions.create(**asked, logprobs=True, top_logprobs=2)
    assert told.choices[0].message.content == own.text
    assert told.usage.completion_tokens == own.num_new_tokens
    assert told.usage.prompt_tokens_details.cached_tokens >= 0
    assert len(told.choices[0].logprobs.content[0].top_logprobs) == 2
    pieces = client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    )
    *written, last = list(pieces)
    assert "".join(p.choices[0].delta.content or "" for p in written) == own.text
    assert last.usage == told.usage.model_copy(
        update={"prompt_tokens_details": last.usage.prompt_tokens_details}
    )


def test_the_clients_own_stream_helper(client):
    form = {"response_format": {"type": "choice", "choice": ["deep blue"]}}
    asked = {"model": "tiny", "messages": HELLO, "extra_body": form}
    with client.chat.completions.stream(**asked) as stream:
        found = stream.until_done().get_final_completion()
    assert found.choices[0].message.content == "deep blue"


def test_completions_models_and_embeddings(client):
    told = client.completions.create(model="tiny:law", prompt="What is", max_tokens=4, logprobs=1)
    assert len(told.choices[0].logprobs.tokens) == 4
    pieces = client.completions.create(model="tiny", prompt="What is", max_tokens=4, stream=True)
    assert "".join(p.choices[0].text for p in pieces) == told.choices[0].text
    assert [model.id for model in client.models.list()] == ["tiny", "tiny:law"]
    assert client.models.retrieve("tiny:law").id == "tiny:law"
    found = client.embeddings.create(model="tiny", input=["a", "b"])
    plain = client.embeddings.create(model="tiny", input=["a", "b"], encoding_format="float")
    assert found.data[1].embedding == pytest.approx(plain.data[1].embedding, abs=1e-6)


def test_a_schema(client):
    schema = {
        "type": "object",
        "properties": {"a": {"enum": [1, 2]}},
        "required": ["a"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    told = client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=32, response_format=form
    )
    assert told.choices[0].message.content.replace(" ", "") in {'{"a":1}', '{"a":2}'}


def test_errors_are_the_clients_own(client, address):
    with pytest.raises(openai.NotFoundError, match="did you mean tiny"):
        client.chat.completions.create(model="tony", messages=HELLO)
    with pytest.raises(openai.UnprocessableEntityError, match="context window"):
        client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "answer " * 1000}]
        )
    stranger = openai.OpenAI(base_url=address, api_key="wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError, match="not one of this server's"):
        stranger.models.list()


PAIRS = [
    ("Question: What is the answer?\nAnswer:", " in the passage"),
    ("The answer", " is in the passage."),
    ("The answer", " what"),
]


@pytest.fixture
def evaluator(address, tiny, model_folder, monkeypatch):
    """Give lm_eval's models of a kind."""
    pytest.importorskip("lm_eval")
    pytest.importorskip("tenacity")
    from lm_eval.models import openai_completions as models

    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def make(kind, path, **fields):
        return getattr(models, kind)(model="tiny", base_url=f"{address}/{path}", **fields)

    return make


def instances(kind, asked):
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, arguments, 0) for arguments in asked]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("more", [{}, {"tokenized_requests": False}, {"num_concurrent": 3}])
def test_likelihoods_of_lm_eval_are_the_models_own(evaluator, tiny, model_folder, more):
    local = {"tokenizer_backend": "huggingface", "tokenizer": str(model_folder("llama"))}
    model = evaluator("LocalCompletionsAPI", "completions", max_length=256, **local, **more)
    found = model.loglikelihood(instances("loglikelihood", PAIRS))
    own = tiny.loglikelihood(
        [(Prompt(stem, template=RUNNING_TEXT), end.strip()) for stem, end in PAIRS]
    )
    sums = [logprob for logprob, _ in found]
    assert sums == pytest.approx([weighed.logprob for weighed in own], abs=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_answers_of_lm_eval_are_the_models_own(evaluator, tiny):
    how = {"until": ["\n"], "max_gen_toks": 8}
    model = evaluator("LocalCompletionsAPI", "completions", tokenizer_backend=None)
    found = model.generate_until(instances("generate_until", [(s, how) for s, _ in PAIRS]))
    sampling = Sampling(max_new_tokens=8, stop=("\n",))
    own = tiny.generate([Prompt(stem, template=RUNNING_TEXT) for stem, _ in PAIRS], sampling)
    assert found == [answer.text for answer in own]


@pytest.mark.filterwarnings("ignore")
def test_chats_of_lm_eval_are_the_models_own(evaluator, tiny):
    how = {"until": ["\n"], "max_gen_toks": 8}
    model = evaluator("LocalChatCompletion", "chat/completions")
    asked = [(model.apply_chat_template(HELLO), how)]
    found = model.generate_until(instances("generate_until", asked))
    sampling = Sampling(max_new_tokens=8, stop=("\n",))
    (own,) = tiny.generate([Prompt("What is the answer?")], sampling)
    assert found == [own.text]
