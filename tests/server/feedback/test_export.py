"""What people gave reads back, through the domain's own readers, as what they meant."""

import json

import pytest

from acclimate.cli._preference_file import Judgements
from acclimate.server.feedback.export import preference_row, preferences, train_rows
from acclimate.server.feedback.store import (
    Correction,
    FeedbackStore,
    Rating,
    ShownAnswer,
    StoredComparison,
    StoredMessage,
    Vote,
)
from acclimate.tasks.files.folder.items import read_items, read_preferences


def asked(text):
    return (StoredMessage(role="user", content=text),)


@pytest.fixture
def store(tmp_path):
    return FeedbackStore(tmp_path / "feedback.sqlite")


@pytest.fixture
def give(store):
    """Give feedback on a question as a person would."""
    numbers = iter(range(99))

    class Give:
        def vote(self, question, first, second, choice):
            ticket = str(next(numbers))
            answers = (ShownAnswer(text=first, system="a"), ShownAnswer(text=second, system="b"))
            store.add(StoredComparison(ticket=ticket, messages=asked(question), answers=answers))
            store.add(Vote(ticket=ticket, choice=choice))

        def rate(self, question, text, rating, **more):
            answer = ShownAnswer(text=text)
            store.add(Rating(messages=asked(question), answer=answer, rating=rating, **more))

        def correct(self, messages, text, corrected):
            store.add(
                Correction(messages=messages, answer=ShownAnswer(text=text), corrected=corrected)
            )

    return Give()


def pairs(store, **task):
    return [(row.prompt, row.chosen, row.rejected) for row in preferences(store, **task)]


def test_votes_are_preferences_and_ties_are_not(store, give):
    give.vote("q1", "x", "y", "first")
    give.vote("q2", "x", "y", "second")
    give.vote("q3", "x", "y", "tie")
    give.vote("q4", "x", "x", "first")
    give.vote("q5", "x", " ", "first")
    assert pairs(store) == [("q1", "x", "y"), ("q2", "y", "x")]
    assert train_rows(store) == []


def test_a_comparison_without_a_vote_says_nothing(store):
    answers = (ShownAnswer(text="x"), ShownAnswer(text="y"))
    store.add(StoredComparison(ticket="t", messages=asked("q"), answers=answers))
    assert pairs(store) == []


def test_good_beside_bad_is_a_preference_and_good_an_example(store, give):
    give.rate("q", "fine", "up")
    give.rate("q", "poor", "down")
    give.rate("q", "poorer", "down")
    give.rate("alone", "so", "down")
    assert pairs(store) == [("q", "fine", "poor"), ("q", "fine", "poorer")]
    assert train_rows(store) == [{"question": "q", "answer": "fine"}]


def test_the_last_word_counts(store, give):
    give.rate("q", "fine", "up")
    give.rate("q", "fine", "down")
    give.correct(asked("q"), "fine", "better")
    give.correct(asked("q"), "fine", "best")
    assert pairs(store) == [("q", "best", "fine")]
    assert train_rows(store) == [{"question": "q", "answer": "best"}]


def test_what_was_corrected_is_no_example_however_it_was_rated(store, give):
    give.correct(asked("q"), "fine", "best")
    give.rate("q", "fine", "up")
    assert train_rows(store) == [{"question": "q", "answer": "best"}]


def test_a_task_that_was_named_stands_before_the_one_for_the_rest(store, give):
    give.rate("q", "a", "up", task="own")
    give.rate("q", "b", "down", task="own")
    give.rate("r", "c", "up")
    give.vote("r", "c", "d", "first")
    assert [row.task for row in preferences(store, "rest")] == ["rest", "own"]
    assert [row["task"] for row in train_rows(store, "rest")] == ["own", "rest"]
    assert "task" not in train_rows(store)[1]


def test_a_row_without_a_task_has_no_such_field(store, give):
    give.vote("q", "c", "d", "first")
    (liked,) = preferences(store)
    assert preference_row(liked) == {"prompt": "q", "chosen": "c", "rejected": "d"}
    (liked,) = preferences(store, "rest")
    assert preference_row(liked)["task"] == "rest"


def test_the_domains_readers_read_it(store, give, tmp_path):
    """A dialogue is the same question in a preference as in an example."""
    dialogue = (
        StoredMessage(role="system", content="Be kind."),
        StoredMessage(role="user", content='Hello\n"you"'),
        StoredMessage(role="assistant", content="Hi."),
        StoredMessage(role="user", content="And now?"),
    )
    give.correct(dialogue, "Go.", "Please go.")
    give.rate("plain?", "yes", "up")
    give.rate("plain?", "no", "down")
    tables = {"train.jsonl": train_rows(store, "answer")}
    tables["preferences.jsonl"] = [preference_row(row) for row in preferences(store, "answer")]
    for name, rows in tables.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    placed, _, notes = read_items(tmp_path / "train.jsonl", "train", ())
    liked = read_preferences(tmp_path / "preferences.jsonl", {"answer"})
    assert notes == []
    assert [(one.item.question, one.item.target) for one in placed] == [
        (liked[0].prompt, "Please go."),
        ("plain?", "yes"),
    ]
    assert [turn.content for turn in placed[0].item.turns][1:] == [
        'Hello\n"you"',
        "Hi.",
        "And now?",
    ]
    assert "Be kind." in liked[0].prompt
    assert liked == preferences(store, "answer")
    # What was judged here is not asked again at the terminal.
    judgements = Judgements.opened(tmp_path / "preferences.jsonl")
    assert judgements.known == {("answer", row.prompt) for row in liked}
