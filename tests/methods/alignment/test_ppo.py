"""PPO: practises on what it should, tells how it went, and refuses a reward that is a coin."""

import pytest

from acclimate.alignment import ppo_trainer as module
from acclimate.alignment.ppo_settings import PolicySettings
from acclimate.core.domain import Item, Preference, Task, TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import collect_log
from acclimate.methods.alignment.ppo import PPO, training_prompts
from acclimate.methods.prompting.one_shot import OneShot

SHORT = PPO(policy=PolicySettings(num_rounds=2, num_rollouts=8, num_epochs=1))
CURVES = {
    "mean reward",
    "KL to the reference, nats an answer",
    "mean length of an answer, tokens",
    "entropy, nats a token",
    "KL coefficient, spreads of the reward a nat",
    "share of tokens clipped",
}


def test_tells_how_each_round_went(tiny, small_data):
    with collect_log() as book:
        SHORT.fit(tiny, small_data, seed=0)
    assert set(book.curves) == CURVES
    assert {tuple(step for step, _ in points) for points in book.curves.values()} == {(0, 1)}
    assert book.curves["KL to the reference, nats an answer"][0] == (0, pytest.approx(0, abs=1e-5))
    assert book.curves["KL to the reference, nats an answer"][1][1] > 0
    assert set(book.facts) >= {
        "signs of reward hacking",
        "correlation of reward and length, last round",
        "reward: share of held-out pairs that it tells apart",
    }


def task(name, **fields):
    items = (Item(id=name, question=f"{name}?", target="the", **fields),)
    return Task(name=name, metrics=("exact_match",), instruction="Say.", items=items)


def test_prompts_are_of_the_tasks_that_preferences_name():
    tasks = (task("say"), task("tell"), task("pick", choices=("the", "is")))
    named = Preference(prompt="one?", chosen="the", rejected="is", task="say")
    found = list(training_prompts(TrainData(train=tasks, preferences=(named, named))))
    assert [(p.question, p.instruction) for p in found] == [("one?", "Say."), ("say?", "Say.")]
    plain = named.model_copy(update={"task": ""})
    found = list(training_prompts(TrainData(train=tasks, preferences=(plain,))))
    assert [p.question for p in found] == ["one?", "say?", "tell?"]
    assert [p.question for p in training_prompts(TrainData(preferences=(named,)))] == ["one?"]


def test_inside_a_rewriter_it_answers_rendered_prompts_and_is_judged_on_plain_ones(
    tiny, small_data, monkeypatch
):
    seen = []
    real = module.ppo_policy
    monkeypatch.setattr(
        "acclimate.methods.alignment.ppo.ppo_policy",
        lambda core, game, *rest, **told: seen.append(game) or real(core, game, *rest, **told),
    )
    shown = OneShot().fit(tiny, small_data, seed=0)
    tuned = SHORT.fit(shown, small_data, seed=0)
    (rendered,) = unwrap(shown).render([seen[0].prompts[-1].plain])
    assert seen[0].prompts[-1].rendered == rendered
    assert rendered.examples
    assert not seen[0].prompts[-1].plain.examples
    assert unwrap(tuned).rewriters[0].pool == shown.pool


def test_answers_are_drawn_as_their_task_ends_them(tiny, small_data, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        "acclimate.methods.alignment.ppo.generate_rollouts",
        lambda _policy, asked, seed: seen.update({p.task: s for p, s in asked}) or [],
    )
    monkeypatch.setattr("acclimate.methods.alignment.ppo.ppo_policy", fake)
    SHORT.fit(tiny, small_data, seed=0)
    assert {name: s.max_new_tokens for name, s in seen.items()} == {"food": 4, "": 32}
    assert {s.temperature for s in seen.values()} == {1.0}
    assert seen["food"].stop == ("\n",)


def test_right_answers_to_dev_items_are_watched(tiny, small_data):
    with collect_log() as book:
        tuned = SHORT.fit(tiny, small_data, seed=0)
    food = [(p, item.target) for p, item in small_data.pairs("dev") if p.task == "food"]
    moved = [
        after.logprob - before.logprob
        for after, before in zip(tuned.loglikelihood(food), tiny.loglikelihood(food), strict=True)
    ]
    told = book.facts["change of a dev target's log-probability, nats"]
    assert told == pytest.approx(sum(moved) / len(moved), abs=1e-4)
    assert len(food) == 4


def fake(core, game, *_rest, **_told):
    game.draw(core, [one.rendered for one in game.prompts], 0)
    return core, [module.RoundStats([0.0, 1.0], [1, 2])]


def test_a_reward_that_may_be_a_coin_is_refused(tiny, small_data):
    few = small_data.model_copy(update={"preferences": small_data.preferences[:10]})
    with pytest.raises(NotApplicableError, match="the reward cannot be trusted"):
        SHORT.fit(tiny, few, seed=0)
    allowed = SHORT.reward.model_copy(update={"is_unproven_allowed": True})
    assert SHORT.model_copy(update={"reward": allowed}).fit(tiny, few, seed=0)
