"""A shelf of answers: what it holds, and for whom."""

from acclimate.core.model import Completion, Sampling
from acclimate.core.prompt import Prompt
from acclimate.response_cache.lookup import AnswerLookup
from acclimate.response_cache.sqlite_store import AnswerStore, CachedAnswer

HOW = Sampling()


def test_finds_what_was_kept(tmp_path):
    shelf = AnswerLookup(AnswerStore(tmp_path / "s", 10**6), "m", 1e6, None)
    asked = {b"1": Prompt("a"), b"2": Prompt("b")}
    found = shelf.find(asked, HOW)
    assert (found.is_new(b"1"), found.is_new(b"2")) == (True, True)
    shelf.keep({b"1": Completion("x")}, found)
    again = AnswerLookup(shelf.store, "m", 1e6, None).find(asked, HOW)
    assert again.answers == {b"1": Completion("x")}
    assert again.is_new(b"2")


def test_without_a_store_nothing_is_kept():
    shelf = AnswerLookup(None, "m", 1e6, None)
    found = shelf.find({b"1": Prompt("a")}, HOW)
    shelf.keep({b"1": Completion("x")}, found)
    assert found.answers == {b"1": Completion("x")}
    assert shelf.find({b"1": Prompt("a")}, HOW).answers == {}


def test_what_another_version_wrote_is_as_good_as_not_there(tmp_path):
    store = AnswerStore(tmp_path / "s", 10**6)
    for key, answer in ((b"1", b'{"words": "x"}'), (b"2", b"\xff"), (b"3", b"")):
        store.put([CachedAnswer(key, "m", b"", b"", answer)])
        assert AnswerLookup(store, "m", 1e6, None).find({key: Prompt("a")}, HOW).is_new(key)
