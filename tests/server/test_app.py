"""The application as a whole: what it documents is what it does, whatever it is sent."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

import acclimate.server.openai.prompt_echo  # noqa: F401  (takes its time, which is no request's)
from acclimate.server.app import build_app
from acclimate.server.limits import Limits
from server.small_systems import Says

SCHEMA = schemathesis.openapi.from_asgi(
    "/openapi.json", build_app({"one": Says("yes", "The laws")}, limits=Limits(max_answers=4))
)
PATHS = {
    "/v1/chat/completions": "post",
    "/v1/completions": "post",
    "/v1/embeddings": "post",
    "/v1/models": "get",
    "/v1/models/{name}": "get",
    "/health": "get",
    "/ready": "get",
    "/metrics": "get",
}


@SCHEMA.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_anything_may_be_sent(case):
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body["model"] = "one"
    answer = case.call()
    # Who sends well-formed nonsense (an unknown model, too many tokens) is refused too.
    case.validate_response(answer, excluded_checks=[schemathesis.checks.positive_data_acceptance])
    assert answer.status_code != 500
    assert "Traceback" not in answer.text


def test_every_route_is_documented(client_of):
    told = client_of(one=Says("yes")).get("/openapi.json").json()
    for path, method in PATHS.items():
        assert method in told["paths"][path], path
    wrong = told["paths"]["/v1/completions"]["post"]["responses"]["422"]
    schema = wrong["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/ErrorReply"}
    fields = told["components"]["schemas"]["ChatRequest"]["properties"]
    assert all(field.get("description") for field in fields.values())


def test_the_documentation_is_a_page(client_of):
    page = client_of(one=Says("yes")).get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


def test_paths_and_methods_that_are_none(client_of):
    client = client_of(one=Says("yes"))
    for method, path, status in (
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/models", 405),
        ("GET", "/v1/completions", 405),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert client.get("/v1/completions").headers["allow"] == "POST"
    told = client.get("/v1/nothing").json()["error"]["message"]
    assert told == "there is no such path; /docs lists what there is"
    assert "the page has no such file" in client.get("/page/nothing").text


def test_what_is_counted(client_of):
    client = client_of(one=Says("yes"))
    body = {"model": "one", "messages": [{"role": "user", "content": "x"}]}
    client.post("/v1/chat/completions", json=body)
    client.post("/v1/chat/completions", json={**body, "n": -1})
    client.get("/made/up")
    told = client.get("/metrics").text
    path = 'path="/v1/chat/completions"'
    assert f'acclimate_requests_total{{{path},status="200"}} 1.0' in told
    assert f'acclimate_requests_total{{{path},status="422"}} 1.0' in told
    assert 'acclimate_requests_total{path="none",status="404"} 1.0' in told
    assert "acclimate_first_token_seconds_count 1.0" in told
    assert "acclimate_running 0.0" in told


@pytest.mark.parametrize("path", ["/ready", "/v1/chat/completions"])
def test_nothing_new_is_taken_on_the_way_out(client_of, path):
    client = client_of(one=Says("yes"))
    client.app.state.service.is_draining = True
    body = {"model": "one", "messages": [{"role": "user", "content": "x"}]}
    answer = client.get(path) if path == "/ready" else client.post(path, json=body)
    assert answer.status_code == 503
    assert "shutting down" in answer.json()["error"]["message"]
    assert client.get("/health").status_code == 200
