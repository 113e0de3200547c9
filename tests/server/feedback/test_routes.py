"""Feedback over HTTP: blind till the vote, kept once, downloaded as a domain reads it."""

import json
import threading

import pytest
from fastapi.testclient import TestClient

from acclimate.server.app import build_app
from acclimate.server.feedback.store import FeedbackStore
from acclimate.server.limits import Limits
from acclimate.tasks.files.folder.items import read_items, read_preferences
from server.running import connected, request_of, running, sent, until
from server.small_systems import Says

ASKED = {"messages": [{"role": "user", "content": "Why?"}]}


@pytest.fixture
def store(tmp_path):
    return FeedbackStore(tmp_path / "feedback.sqlite")


@pytest.fixture
def ask(store):
    """A client of these systems."""

    def of(systems, **limits):
        return TestClient(build_app(systems, feedback=store.path, limits=Limits(**limits)))

    return of


@pytest.fixture
def two(ask):
    return ask({"plain": Says("yes"), "retrieving": Says("no", "Laws", "Laws", "Deeds")})


def test_nothing_tells_the_systems_before_the_vote(two):
    reply = two.post("/feedback/comparisons", json=ASKED)
    shown = reply.json()
    assert set(shown) == {"ticket", "answers", "is_cut"}
    assert shown["is_cut"] == [False, False]
    assert sorted(shown["answers"]) == ["no", "yes"]
    assert not any(word in reply.text for word in ("plain", "retrieving", "Laws"))
    told = two.post(f"/feedback/comparisons/{shown['ticket']}/vote", json={"choice": "first"})
    by_answer = {"yes": "plain", "no": "retrieving"}
    assert told.json()["systems"] == [by_answer[text] for text in shown["answers"]]
    sources = {"yes": [], "no": ["Laws", "Deeds"]}
    assert told.json()["sources"] == [sources[text] for text in shown["answers"]]


def test_systems_are_asked_what_the_person_asked(ask):
    systems = {"a": Says("x"), "b": Says("y")}
    turns = [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hi."), ("user", "Why?")]
    messages = [{"role": role, "content": content} for role, content in turns]
    ask(systems).post("/feedback/comparisons", json={"messages": messages, "task": "say"})
    for system in systems.values():
        ((prompt, sampling),) = system.asked
        assert (prompt.question, prompt.instruction) == ("Why?", "Be kind.")
        assert [(one.question, one.answer) for one in prompt.examples] == [("Hi", "Hi.")]
        assert prompt.task == "say"
        assert sampling.temperature == 0


def test_a_vote_is_kept_once_and_outlives_the_server(two, ask, store):
    ticket = two.post("/feedback/comparisons", json=ASKED).json()["ticket"]
    again = ask({})
    path = f"/feedback/comparisons/{ticket}/vote"
    assert again.post(path, json={"choice": "second"}).status_code == 200
    reply = again.post(path, json={"choice": "first"})
    assert reply.status_code == 409
    said = reply.json()["error"]["message"]
    assert said == "there is a vote on this comparison already; it stands"
    assert again.get("/feedback").json() == {"comparison": 1, "vote": 1}


def test_a_side_is_rated_and_corrected_without_being_told(two, store, tmp_path):
    shown = two.post("/feedback/comparisons", json=ASKED).json()
    about = {"ticket": shown["ticket"], "side": "second"}
    for path, body in (("ratings", {"rating": "down"}), ("corrections", {"corrected": "perhaps"})):
        reply = two.post(f"/feedback/{path}", json={**about, **body})
        assert reply.status_code == 201
        assert "plain" not in reply.text
    (tmp_path / "p.jsonl").write_bytes(two.get("/feedback/preferences.jsonl").content)
    (liked,) = read_preferences(tmp_path / "p.jsonl")
    assert (liked.prompt, liked.chosen, liked.rejected) == ("Why?", "perhaps", shown["answers"][1])


def test_downloads_are_files_that_the_domain_reads(two, tmp_path):
    rated = {**ASKED, "answer": "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "rating": "up"}
    assert two.post("/feedback/ratings", json={**rated, "system": "plain"}).status_code == 201
    reply = two.get("/feedback/train.jsonl", params={"task": "say"})
    assert reply.headers["content-disposition"] == 'attachment; filename="train.jsonl"'
    (tmp_path / "train.jsonl").write_bytes(reply.content)
    (placed,), _, notes = read_items(tmp_path / "train.jsonl", "train", ("say",))
    assert (placed.item.question, placed.item.target, placed.task) == (
        "Why?",
        rated["answer"],
        "say",
    )
    assert notes == []


def served_for(tasks, store):
    return TestClient(build_app({"a": Says("x")}, feedback=store.path, tasks=tasks))


def rate(client, answer, rating, **more):
    body = {**ASKED, "answer": answer, "rating": rating, **more}
    assert client.post("/feedback/ratings", json=body).status_code == 201


def test_of_several_tasks_each_example_names_its_own(store, tmp_path):
    tasks = ("law", "good manners")
    client = served_for(tasks, store)
    rate(client, "yes", "up", task="law")
    rate(client, "no", "down", task="law")
    named = client.get("/feedback/train.jsonl")
    assert [json.loads(line)["task"] for line in named.text.splitlines()] == ["law"]
    rate(client, "yes", "up")
    rate(client, "no", "down")
    refused = client.get("/feedback/train.jsonl")
    assert refused.status_code == 422
    said = refused.json()["error"]["message"]
    assert said.startswith("train.jsonl: 1 of 2 rows name no task, and the domain has 2;")
    assert said.endswith("?task=law or ?task=good%20manners")
    for name, read in (
        ("train.jsonl", lambda path: read_items(path, "train", tasks)[0]),
        ("preferences.jsonl", lambda path: read_preferences(path, tasks)),
    ):
        (tmp_path / name).write_bytes(client.get(f"/feedback/{name}?task=good%20manners").content)
        assert [one.task for one in read(tmp_path / name)] == ["law", "good manners"]
    rows = map(json.loads, client.get("/feedback/preferences.jsonl").text.splitlines())
    assert [row.get("task") for row in rows] == ["law", None]


def test_where_there_is_one_task_all_that_leaves_is_of_it(store):
    client = served_for(("law",), store)
    rate(client, "yes", "up")
    rate(client, "no", "down")
    for name in ("train.jsonl", "preferences.jsonl"):
        (row,) = map(json.loads, client.get(f"/feedback/{name}").text.splitlines())
        assert row["task"] == "law"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("comparisons", {"messages": []}, 422),
        ("comparisons", {"messages": [{"role": "user", "content": " "}]}, 422),
        ("comparisons", {"messages": [{"role": "assistant", "content": "I"}]}, 422),
        ("comparisons", {"messages": [{"role": "user", "content": "?", "x": 1}]}, 422),
        ("comparisons", {"messages": [{"role": "wizard", "content": "?"}]}, 422),
        ("comparisons", {"messages": ASKED["messages"] * 201}, 422),
        ("comparisons/none/vote", {"choice": "tie"}, 404),
        ("comparisons/none/vote", {"choice": "third"}, 422),
        ("ratings", {"rating": "up"}, 422),
        ("ratings", {"rating": "up", "ticket": "none"}, 404),
        ("ratings", {**ASKED, "rating": "so so"}, 422),
        ("corrections", {**ASKED, "answer": "a", "corrected": " \n"}, 422),
        ("corrections", {**ASKED, "answer": "a" * 100_001, "corrected": "b"}, 422),
    ],
)
def test_what_cannot_be_is_refused_and_not_kept(two, path, body, status):
    assert two.post(f"/feedback/{path}", json=body).status_code == status
    assert two.get("/feedback").json() == {}


def test_a_wrong_part_of_the_address_is_named(two):
    vote = two.post(f"/feedback/comparisons/{'x' * 65}/vote", json={"choice": "tie"})
    rows = two.get("/feedback/train.jsonl", params={"task": "x" * 201})
    for reply, name, most in ((vote, "ticket", 64), (rows, "task", 200)):
        assert reply.status_code == 422
        error = reply.json()["error"]
        assert error["param"] == name
        assert error["message"].startswith(f"{name}='xxx")
        assert error["message"].endswith(f"string should have at most {most} characters")


class Slow(Says):
    """Begins, and waits to be let go on."""

    def __init__(self, text):
        super().__init__(text)
        self.is_open, self.has_begun = threading.Event(), threading.Event()

    def generate(self, prompts, sampling):
        self.has_begun.set()
        self.is_open.wait(30)
        return super().generate(prompts, sampling)


COMPARISON = request_of(json.dumps(ASKED).encode(), "/feedback/comparisons")


def served(system, path, **limits):
    return running(build_app({"slow": system}, feedback=path, limits=Limits(**limits)))


def test_comparisons_take_the_places_that_chats_take(store):
    system = Slow("x")
    with (
        served(system, store.path, max_running=1, max_waiting=0) as server,
        connected(server) as connection,
    ):
        connection.sendall(COMPARISON)
        assert system.has_begun.wait(20)
        told = sent(server, COMPARISON)
        assert b"429" in told.splitlines()[0]
        assert b"retry-after: 1" in told
        system.is_open.set()
        assert b"200" in connection.recv(100)


def test_a_comparison_that_takes_too_long_is_given_up_and_not_kept(store):
    system = Slow("x")
    with served(system, store.path, request_seconds=0.2) as server:
        assert b"504" in sent(server, COMPARISON).splitlines()[0]
        system.is_open.set()
        until(lambda: server.service.admission.taken == 0)
    assert store.counts() == {}


def test_of_what_nobody_waited_for_nothing_is_kept(store):
    system = Slow("x")
    with served(system, store.path) as server:
        with connected(server) as connection:
            connection.sendall(COMPARISON)
            assert system.has_begun.wait(20)
        until(lambda: not server.server_state.connections)
        system.is_open.set()
        until(lambda: server.service.admission.taken == 0)
    assert store.counts() == {}


def test_on_the_way_out_nothing_is_compared(two):
    two.app.state.service.is_draining = True
    reply = two.post("/feedback/comparisons", json=ASKED)
    assert reply.status_code == 503
    assert "shutting down" in reply.json()["error"]["message"]


def test_answers_are_as_long_as_a_chats(ask):
    system = Says("x")
    ask({"only": system}, default_new_tokens=7).post("/feedback/comparisons", json=ASKED)
    assert {sampling.max_new_tokens for _, sampling in system.asked} == {7}
