"""Phrases are proposed by all, and the one with the best joint score a token is taken."""

import pytest

from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.ensembles.token_level.phrase_model import PhraseModel, PhraseSettings, best
from acclimate.models.local.huggingface import HuggingFace

PROMPTS = [Prompt("one?", item_id="1"), Prompt("two, or is it three?", item_id="2")]
SAMPLING = Sampling(max_new_tokens=7)


@pytest.fixture(scope="module")
def pair(model_folder):
    return tuple(HuggingFace(path=str(model_folder(f))).load() for f in ("llama", "gpt2"))


def test_the_best_joint_score_a_token_wins():
    phrases = [(1, 2), (3,), (4, 5)]
    backing = {(1, 2): 1.0, (3,): 1.0, (4, 5): 1.0}
    # Sums -6, -4, -5; a token -3, -4, -2.5.
    scores = [[-2.0, -1.0, -4.0], [-4.0, -3.0, -1.0]]
    assert best(phrases, scores, [1, 1], backing) == (4, 5)
    # Weighted: -2*.9-4*.1, ... / length: -1.1, -1.2, -1.85.
    assert best(phrases, scores, [0.9, 0.1], backing) == (1, 2)
    even = [[-2.0, -1.0, -2.0], [-2.0, -1.0, -2.0]]
    assert best(phrases, even, [1, 1], {**backing, (4, 5): 2.0}) == (4, 5)
    assert best(phrases, even, [1, 1], backing) == (1, 2)
    # What only one proposed that is not heard cannot win.
    assert best(phrases, scores, [0, 1], {(1, 2): 1.0, (3,): 1.0, (4, 5): 0.0}) == (1, 2)


def test_a_member_with_itself_is_itself(tiny):
    joint = PhraseModel((tiny, tiny), PhraseSettings(boundary=".", max_phrase_tokens=3), (1.0, 2.0))
    alone = tiny.generate(PROMPTS, SAMPLING)
    assert [c.text for c in joint.generate(PROMPTS, SAMPLING)] == [c.text for c in alone]


def test_phrases_of_one_token_are_taken_by_joint_score(pair):
    (answer,) = PhraseModel(
        pair, PhraseSettings(boundary="", max_phrase_tokens=1), (1.0, 1.0)
    ).generate(PROMPTS[:1], Sampling(max_new_tokens=1))
    logprobs = [m.next_token_logprobs(PROMPTS[:1])[0] for m in pair]
    own = {int(row.argmax()) for row in logprobs}
    expected = max(own, key=lambda t: float(sum(row[t] for row in logprobs)))
    assert answer.text == pair[0].tokenizer.decode([expected]).strip()


def test_all_go_on_from_what_won_and_no_answer_is_too_long(pair):
    joint = PhraseModel(pair, PhraseSettings(boundary="", max_phrase_tokens=3), (1.0, 1.0))
    together = joint.generate(PROMPTS, SAMPLING)
    assert together == [joint.generate([p], SAMPLING)[0] for p in PROMPTS]
    assert all(c.num_new_tokens <= 7 for c in together)
    # Phrases of 3, 3 and 1: the first six are those of a shorter answer.
    shorter = joint.generate(PROMPTS, Sampling(max_new_tokens=6))
    for one, other in zip(together, shorter, strict=True):
        assert one.text.startswith(other.text)
