"""A reward is learned from pairs, kept for all, and refused where it may be a coin."""

import math

import pytest
import torch

from acclimate.alignment import reward_model as module
from acclimate.alignment.preference_pairs import TokenizedPair, collate_pairs
from acclimate.alignment.reward_model import RewardSettings, reward_loss, reward_model, rewards
from acclimate.alignment.token_logprobs import encode_answer
from acclimate.core.domain import Preference, TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.prompt import Example, Passage, Prompt
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.fit_log import collect_log
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.value_head import ScalarAdapter
from changed_code import change_code

PROMPT = Prompt("one?")


def pairs_of(core, *texts):
    return [
        TokenizedPair(encode_answer(core, PROMPT, a), encode_answer(core, PROMPT, b))
        for a, b in texts
    ]


def test_the_loss_begins_at_log_two_a_pair(tiny):
    network = tiny.adapted(lambda n: ScalarAdapter.new(n, rank=2)).network
    (batch,) = collate_pairs(network, pairs_of(tiny, ("the", "is"), ("answer", "question")))
    assert float(reward_loss(network, batch).detach()) == pytest.approx(2 * math.log(2))


def test_the_loss_is_bradley_terrys(tiny):
    model = tiny.adapted(lambda n: ScalarAdapter.new(n, rank=2))
    torch.nn.init.normal_(model.network.value_head.weight)
    (batch,) = collate_pairs(model.network, pairs_of(tiny, ("the", "is"), ("answer", "question")))
    found = rewards(model, [(PROMPT, text) for text in ("the", "is", "answer", "question")])
    expected = sum(math.log(1 + math.exp(b - a)) for a, b in (found[:2], found[2:]))
    assert float(reward_loss(model.network, batch).detach()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_a_reward_is_the_head_after_the_whole_answer(family, model_folder):
    base = HuggingFace(path=str(model_folder(family))).load()
    model = base.adapted(lambda n: ScalarAdapter.new(n, rank=2))
    torch.nn.init.normal_(model.network.value_head.weight)
    ids, own = base.encode(PROMPT, "the answer")
    extra = {}
    if family == "t5":
        # The decoder reads the answer without its end, behind a start.
        extra["decoder_input_ids"] = torch.tensor([[1, *own[:-1]]])
    else:
        ids = [*ids, *own]
    seen = []
    head = model.network.get_output_embeddings()
    handle = head.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))
    with torch.no_grad():
        model.network(input_ids=torch.tensor([ids]), **extra)
    handle.remove()
    expected = float((seen[0][0, -1] @ model.network.value_head.weight).detach())
    found = rewards(model, [(PROMPT, "is"), (PROMPT, "the answer"), (PROMPT, "")])
    assert found[1] == pytest.approx(expected, abs=1e-4)
    assert rewards(model, []) == []


def test_what_methods_put_around_a_question_is_not_judged(tiny):
    model = tiny.adapted(lambda n: ScalarAdapter.new(n, rank=2))
    torch.nn.init.normal_(model.network.value_head.weight)
    full = PROMPT.with_parts(
        passages=(Passage("d", "t", "is"),), examples=(Example("q", "a"),), answer_prefix="So"
    )
    assert rewards(model, [(full, "the")]) == rewards(model, [(PROMPT, "the")])
    other = PROMPT.with_parts(instruction="Be brief.")
    assert rewards(model, [(other, "the")]) != rewards(model, [(PROMPT, "the")])


def test_fitted_once_and_counted_each_time(tiny, small_data, monkeypatch):
    with metered() as first, collect_log() as book:
        one = reward_model(tiny, small_data, RewardSettings(), seed=0)
    assert first.cost.train_tokens > 0
    monkeypatch.setattr(module, "_fit", lambda *_: pytest.fail("was fitted before"))
    with metered() as second, collect_log() as again:
        two = reward_model(tiny, small_data, RewardSettings(is_unproven_allowed=True), seed=0)
    assert second.cost.train_tokens == first.cost.train_tokens
    assert again.facts == book.facts
    asked = [(PROMPT, "the"), (PROMPT, "is")]
    assert rewards(one, asked) == rewards(two, asked)
    with pytest.raises(pytest.fail.Exception):
        reward_model(tiny, small_data, RewardSettings(), seed=1)


def test_it_tells_what_is_liked_of_answers_it_never_saw(tiny, small_data):
    model = reward_model(tiny, small_data, RewardSettings(), seed=0)
    asked = Prompt("What does the wren eat?", template="{{ question }}")
    good, bad = rewards(model, [(asked, "worms"), (asked, "stones")])
    assert good > bad


FEW = TrainData(
    preferences=tuple(
        Preference(prompt=f"{i}?", chosen=f"the {i}", rejected=f"{i} is") for i in range(10)
    )
)


def test_a_reward_that_may_be_a_coin_is_refused_unless_allowed(tiny):
    with pytest.raises(NotApplicableError, match="cannot be trusted: on held-out pairs") as raised:
        reward_model(tiny, FEW, RewardSettings(), seed=0)
    assert "of 2, 95 % interval" in str(raised.value)
    assert "reward.is_unproven_allowed=true" in str(raised.value)
    assert reward_model(tiny, FEW, RewardSettings(is_unproven_allowed=True), seed=0)
    none = FEW.model_copy(update={"preferences": FEW.preferences[:2]})
    with pytest.raises(NotApplicableError, match="no pairs were held out"):
        reward_model(tiny, none, RewardSettings(), seed=0)


@pytest.mark.parametrize(
    "label",
    [
        "alignment/reward_model.py",
        "training/trainer.py",
        "nn/adapters/value_head.py",
        "core/prompt.py",
    ],
)
def test_one_fitted_by_other_code_is_fitted_again(label, tiny, small_data, monkeypatch):
    settings = RewardSettings(num_epochs=0.1, is_unproven_allowed=True)
    reward_model(tiny, small_data, settings, seed=0)
    fits, real = [], module._fit
    monkeypatch.setattr(module, "_fit", lambda *a: fits.append(1) or real(*a))
    reward_model(tiny, small_data, settings, seed=0)
    assert fits == []
    change_code(monkeypatch, label)
    for _ in range(2):
        reward_model(tiny, small_data, settings, seed=0)
        assert fits == [1]
