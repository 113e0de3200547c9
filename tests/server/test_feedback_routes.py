"""Feedback over HTTP: blind till the vote, kept once, downloaded as a domain reads it."""

import threading

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acclimate.server.faults import answer_faults
from acclimate.server.feedback_routes import NUM_AT_ONCE, feedback_router
from acclimate.server.feedback_store import FeedbackStore
from acclimate.tasks.folder_items import read_items, read_preferences
from server.small_systems import Says

ASKED = {"messages": [{"role": "user", "content": "Why?"}]}


@pytest.fixture
def store(tmp_path):
    return FeedbackStore(tmp_path / "feedback.sqlite")


@pytest.fixture
def ask(store):
    """A client of these systems."""

    def of(systems, **more):
        app = FastAPI()
        answer_faults(app)
        app.include_router(feedback_router(store, systems, **more))
        return TestClient(app)

    return of


@pytest.fixture
def two(ask):
    return ask({"plain": Says("yes"), "retrieving": Says("no", "Laws", "Laws", "Deeds")})


def test_nothing_tells_the_systems_before_the_vote(two):
    reply = two.post("/feedback/comparisons", json=ASKED)
    shown = reply.json()
    assert set(shown) == {"ticket", "answers"}
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


def test_more_at_once_than_there_are_places_are_told_to_come_again(ask):
    is_open, entered = threading.Event(), threading.Semaphore(0)

    class Slow(Says):
        def generate(self, prompts, sampling):
            entered.release()
            is_open.wait(30)
            return super().generate(prompts, sampling)

    client = ask({"slow": Slow("x"), "quick": Slow("y")})
    found = []

    def compare():
        found.append(client.post("/feedback/comparisons", json=ASKED))

    asking = [threading.Thread(target=compare) for _ in range(NUM_AT_ONCE)]
    for thread in asking:
        thread.start()
    for _ in asking:
        assert entered.acquire(timeout=30)
    assert client.post("/feedback/comparisons", json=ASKED).status_code == 429
    is_open.set()
    for thread in asking:
        thread.join()
    assert [reply.status_code for reply in found] == [200] * NUM_AT_ONCE
    assert client.post("/feedback/comparisons", json=ASKED).status_code == 200
