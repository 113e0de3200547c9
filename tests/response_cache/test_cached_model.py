"""A cache of answers: each prompt is asked once, and nothing else changes."""

import threading
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from acclimate.core.model import Completion, Sampling, Token
from acclimate.core.prompt import Passage, Prompt, Turn
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.cache_bypass import bypass_caches
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.response_cache.cached_model import SAVED_ANSWERS, CachedModel, CachePolicy
from acclimate.response_cache.similarity import PromptSimilarity
from acclimate.retrieval.encoders.prompt_encoder import PromptEncoder
from changed_code import change_code, change_library
from small_echo import Echo

HOW = Sampling()
KEEPING = CachePolicy(10**6, 1e6, is_sampled_kept=False, is_saved=False)


class FirstLetters:
    """Texts are alike whose first letters are."""

    learns = False

    def encode(self, texts):
        rows = np.zeros((len(texts), 128), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[ord(text.strip()[0])] = 1
        return rows

    def write(self, folder):
        """Keep nothing."""


ALIKE = PromptSimilarity(PromptEncoder("letters", FirstLetters()), 0.9)


def ask(model, *questions, sampling=HOW, **parts):
    return model.generate([Prompt(q, **parts) for q in questions], sampling)


def texts(answers):
    return [answer.text for answer in answers]


def test_each_prompt_is_asked_once():
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    with collect_log() as book:
        first = ask(model, "a", "b", "a")
        second = ask(model, "b", "c", "a")
    assert texts(first) == ["so a", "so b", "so a"]
    assert texts(second) == ["so b", "so c", "so a"]
    assert inner.asked == [["a", "b"], ["c"]]
    assert first[:2] == ask(Echo(), "a", "b")
    assert book.facts["answered from the response cache, share of prompts"] == pytest.approx(0.5)
    assert ask(model) == []


def test_an_answer_given_again_says_so_and_costs_nothing():
    model = CachedModel(Echo(), KEEPING)
    (first,) = ask(model, "a")
    with metered() as meter:
        (again,) = ask(model, "a")
    assert (meter.cost.prompt_tokens, meter.cost.new_tokens) == (0, 0)
    assert (first.num_cached_tokens, first.usd) == (0, 0.5)
    assert (again.num_cached_tokens, again.num_new_tokens, again.usd) == (3, 2, 0)
    assert replace(again, usd=0.5) == first


def test_another_process_finds_it_by_the_same_model():
    ask(CachedModel(Echo(), KEEPING), "a")
    same, other = Echo(), Echo(word="no")
    assert texts(ask(CachedModel(same, KEEPING), "a")) == ["so a"]
    assert texts(ask(CachedModel(other, KEEPING), "a")) == ["no a"]
    assert (same.asked, other.asked) == ([], [["a"]])


@pytest.mark.parametrize(
    "parts",
    [
        {"instruction": "Do."},
        {"task": "t"},
        {"choices": ("x",)},
        {"passages": (Passage("d", "t", "p"),)},
        {"answer_prefix": "l"},
        {"template": "{{ question }}"},
        {"turns": (Turn("user", "a"),)},
    ],
)
def test_any_other_prompt_is_asked(parts):
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    ask(model, "a")
    ask(model, "a", **parts)
    assert inner.asked == [["a"], ["a"]]


def test_any_other_sampling_is_asked():
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    for change in ({"max_new_tokens": 3}, {"stop": ("x",)}, {"seed": 1}, {"logprobs": 2}):
        ask(model, "a", sampling=Sampling(**change))
    assert len(inner.asked) == 4


def test_an_items_id_matters_only_where_it_is_looked_up():
    def asked(inner, **parts):
        model = CachedModel(inner, KEEPING)
        for number in range(2):
            ask(model, "a", item_id=str(number), **parts)
        return len(inner.asked)

    class Table(Echo):
        answerable_items = frozenset("01")

    assert asked(Echo()) == 1
    assert asked(Echo("b"), template="{{ item_id }} {{ question }}") == 2
    assert asked(Table("c")) == 2


def test_draws_are_asked_each_time_unless_told():
    hot = Sampling(temperature=1.0)
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    for _ in range(2):
        ask(model, "a", "a", sampling=hot)
    assert inner.asked == [["a", "a"]] * 2
    told = CachedModel(inner, replace(KEEPING, is_sampled_kept=True))
    inner.asked.clear()
    for _ in range(2):
        ask(told, "a", "a", sampling=hot)
    # Two draws of one prompt are two answers, also the next time.
    assert inner.asked == [["a", "a"]]


def test_what_is_kept_has_a_bound_and_an_age():
    inner = Echo()
    for keeping in (replace(KEEPING, max_bytes=0), replace(KEEPING, max_age_seconds=0.0)):
        model = CachedModel(inner, keeping)
        inner.asked.clear()
        assert texts(ask(model, "a") + ask(model, "a", "a")) == ["so a"] * 3
        assert inner.asked == [["a"], ["a"]]


def test_afresh_nothing_of_before_is_given_or_kept():
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    ask(model, "a")
    with bypass_caches():
        assert texts(ask(model, "a", "b", "b")) == ["so a", "so b", "so b"]
    ask(model, "a", "b")
    assert inner.asked == [["a"], ["a", "b"], ["b"]]


def test_streams_a_kept_answer_in_one_piece():
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    new = list(model.stream(Prompt("a b"), HOW))
    again = list(model.stream(Prompt("a b"), HOW))
    assert new[:-1] == ["so", " a", " b"]
    assert again[:-1] == ["so a b"]
    assert replace(again[-1], usd=0.5) == new[-1]
    assert texts(ask(model, "a b")) == ["so a b"]
    assert len(inner.asked) == 1


def test_a_stream_that_is_left_keeps_nothing():
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    stream = model.stream(Prompt("a"), HOW)
    next(stream)
    stream.close()
    ask(model, "a")
    assert len(inner.asked) == 2


def test_a_failure_keeps_nothing():
    class Fails(Echo):
        def generate(self, prompts, sampling):
            if not self.asked:
                self.asked.append("failed")
                raise ValueError("no")
            return super().generate(prompts, sampling)

    model = CachedModel(Fails(), KEEPING, ALIKE)
    with pytest.raises(ValueError, match="no"):
        ask(model, "aa", "ab")
    assert texts(ask(model, "ab", "aa")) == ["so ab", "so ab"]


def test_weighs_as_the_model_inside_and_is_no_core_of_its_own():
    inner = Echo()
    model = CachedModel(inner, KEEPING)
    pairs = [(Prompt("a"), "x"), (Prompt("a"), "yy")]
    assert model.loglikelihood(pairs) == inner.loglikelihood(pairs)
    assert unwrap(model).core is inner


def test_answers_are_shared_by_prompts_that_are_alike():
    inner = Echo()
    model = CachedModel(inner, KEEPING, ALIKE)
    with collect_log() as book:
        first = ask(model, "apple", "pear", "apricot", "apple")
        second = ask(model, "plum", "fig", "anise")
    assert texts(first) == ["so apple", "so pear", "so apple", "so apple"]
    assert texts(second) == ["so pear", "so fig", "so apple"]
    assert inner.asked == [["apple", "pear"], ["fig"]]
    assert book.facts["answered from the response cache, share of prompts"] == pytest.approx(4 / 7)
    assert book.facts["answered as a prompt like it was, share of prompts"] == pytest.approx(3 / 7)
    # Neither by what else was asked so far, nor by a model that has none.
    assert texts(list(model.stream(Prompt("pea"), HOW))[-1:]) == ["so pear"]
    assert texts(ask(model, "apt", instruction="Be rude.")) == ["so apt"]
    assert texts(ask(model, "apt", sampling=Sampling(seed=1))) == ["so apt"]
    assert texts(ask(CachedModel(Echo(), KEEPING), "ape")) == ["so ape"]


def test_shared_answers_that_are_gone_are_asked_anew():
    inner, clock = Echo(), count(start=1000.0, step=1000.0)
    model = CachedModel(inner, KEEPING, ALIKE)
    model._store._clock = lambda: next(clock)
    model._stored_lookup.max_age_seconds = 1500.0
    ask(model, "apple")
    ask(model, "fig")
    ask(model, "pear")
    # By now the first is too old, though its vector is still at hand.
    assert texts(ask(model, "apricot", "apple")) == ["so apricot", "so apricot"]


def test_draws_are_never_shared():
    hot = Sampling(temperature=1.0)
    model = CachedModel(Echo(), replace(KEEPING, is_sampled_kept=True), ALIKE)
    assert texts(ask(model, "aa", "ab", sampling=hot)) == ["so aa", "so ab"]


def test_saved_without_its_answers(tmp_path, monkeypatch):
    likeness = PromptSimilarity(
        PromptSimilarity.fit_encoder("lsa", ["open the door", "close the window"]), 0.9
    )
    model = CachedModel(Echo(), KEEPING, likeness)
    ask(model, "open the door")
    save_model(model, tmp_path / "saved")
    assert not (tmp_path / "saved" / SAVED_ANSWERS).exists()
    monkeypatch.setenv("ACCLIMATE_HOME", str(tmp_path / "elsewhere"))
    again = load_model(tmp_path / "saved")
    assert (again.policy, again.similarity.threshold) == (KEEPING, 0.9)
    assert texts(ask(again, "open the door")) == ["so open the door"]
    assert len(again.inner.asked) == 1
    assert texts(ask(again, "the door open")) == ["so open the door"]


def test_saved_with_its_answers_if_told(tmp_path, monkeypatch):
    model = CachedModel(Echo(), replace(KEEPING, is_saved=True), ALIKE)
    ask(CachedModel(Echo("no"), KEEPING), "a")
    ask(model, "a", "b")
    fields = model.write(tmp_path)
    monkeypatch.setenv("ACCLIMATE_HOME", str(tmp_path / "elsewhere"))
    told = (tmp_path / SAVED_ANSWERS).read_text()
    assert len(told.splitlines()) == 2
    monkeypatch.setattr(
        "acclimate.retrieval.encoders.prompt_encoder.load_encoder", lambda *_: FirstLetters()
    )
    again = CachedModel.read(tmp_path, fields, {"inner": Echo()})
    assert texts(ask(again, "b", "a", "apple")) == ["so b", "so a", "so a"]
    assert again.inner.asked == []


def test_everything_of_an_answer_is_kept():
    whole = Completion(
        text="\u00e9 \u2028 \x00",
        num_prompt_tokens=1,
        is_cut=True,
        tokens=(Token("x", -0.5, (("x", -0.5), ("y", -1.0))), Token("z", -2.0)),
        passages=(Passage("d", "t", "x"),),
        prompt="p",
        seconds=0.5,
        logprob=float("-inf"),
    )

    class Fixed(Echo):
        def generate(self, prompts, sampling):
            return [whole] * len(prompts)

    ask(CachedModel(Fixed(), KEEPING), "a")
    assert ask(CachedModel(Fixed(), KEEPING), "a") == [whole]


def test_many_threads():
    model = CachedModel(Echo(), KEEPING, ALIKE)
    wrong = []

    def work(letter):
        found = [ask(model, f"{letter}{number}")[0].text for number in range(20)]
        wrong.extend(text for text in found if not text.startswith(f"so {letter}"))

    threads = [threading.Thread(target=work, args=(letter,)) for letter in "aabbccdd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("label", ["core/model.py", "response_cache/cached_model.py"])
def test_answers_by_old_code_are_not_given_as_new(label, monkeypatch, tmp_path):
    saved = replace(KEEPING, is_saved=True)
    old = CachedModel(Echo(), saved)
    ask(old, "a")
    save_model(old, tmp_path / "saved")
    again = Echo()
    ask(CachedModel(again, saved), "a")
    assert again.asked == []
    change_code(monkeypatch, label)
    inner = Echo()
    ask(CachedModel(inner, saved), "a")
    assert inner.asked == [["a"]]
    # Nor those that came with a model.
    monkeypatch.setenv("ACCLIMATE_HOME", str(tmp_path / "elsewhere"))
    brought = load_model(tmp_path / "saved")
    ask(brought, "a")
    assert brought.inner.asked == [["a"]]


def test_nor_by_another_library(monkeypatch):
    ask(CachedModel(Echo(), KEEPING), "a")
    change_library(monkeypatch, "pydantic", "99")
    inner = Echo()
    ask(CachedModel(inner, KEEPING), "a")
    assert inner.asked == [["a"]]
