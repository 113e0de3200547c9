"""A toy reward is learned, significantly and near the reference; nothing of practice stays."""

from statistics import fmean

import pytest
import torch
from scipy.stats import ttest_ind

from acclimate.alignment.generate_rollouts import generate_rollouts
from acclimate.alignment.ppo_settings import PolicySettings
from acclimate.alignment.ppo_trainer import PPOPrompt, PPOTask, ppo_policy
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import collect_log
from acclimate.training.packing import TokenizedExample

PROMPTS = [Prompt(question) for question in ("one?", "two?", "three?", "four?")]
SAMPLING = Sampling(temperature=1.0, max_new_tokens=3)
SETTINGS = PolicySettings(num_rounds=8, num_rollouts=128, batch_size=64)
WORD = "a"


def drawn(model, prompts, seed):
    found = generate_rollouts(model, [(prompt, SAMPLING) for prompt in prompts], seed=seed)
    return [(TokenizedExample(one.prompt_ids, one.answer_ids), one.text) for one in found]


def judged(answers):
    """1 for an answer that contains the word."""
    return [float(WORD in text) for _, text in answers]


GAME = PPOTask([PPOPrompt(prompt, prompt) for prompt in PROMPTS], drawn, judged)


def practised(base, settings=SETTINGS, game=GAME, seed=0, learning_rate=1e-2):
    with collect_log() as book:
        policy, rounds = ppo_policy(
            base, game, settings, rank=8, learning_rate=learning_rate, seed=seed
        )
    return policy, rounds, book.curves


def rewards_of(model):
    return judged([(None, text) for _, text in drawn(model, PROMPTS * 400, seed=99)])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_reward_rises_significantly_at_bounded_kl(seed, tiny):
    policy, rounds, curves = practised(tiny, seed=seed)
    before, after = rewards_of(tiny), rewards_of(policy)
    # Welch's test on fresh draws; 1 in 1000 is held against each of the three seeds.
    assert ttest_ind(after, before, equal_var=False, alternative="greater").pvalue < 1e-3
    kl = [value for _, value in curves["KL to the reference, nats an answer"]]
    assert kl[0] == pytest.approx(0.0, abs=1e-5)
    assert max(kl) < 2.0
    assert [fmean(r.scores) for r in rounds] == [value for _, value in curves["mean reward"]]


def test_only_the_updates_stay(tiny):
    short = SETTINGS.model_copy(update={"num_rounds": 1})
    before = [p.clone() for p in tiny.network.parameters()]
    policy, _, _ = practised(tiny, short)
    assert all(torch.equal(a, b) for a, b in zip(before, tiny.network.parameters(), strict=True))
    assert not hasattr(policy.network, "value_head")
    assert not any(p.requires_grad for p in policy.network.parameters())
    assert not policy.network.training
    assert policy.adapter_of is tiny


def test_a_dear_way_is_a_short_one(tiny):
    short = SETTINGS.model_copy(update={"num_rounds": 4, "target_kl": 1e-3})
    ends = []
    for kl_coef in (1e-4, 10.0):
        *_, curves = practised(tiny, short.model_copy(update={"kl_coef": kl_coef}))
        ends.append(curves["KL to the reference, nats an answer"][-1][1])
        coefs = [value for _, value in curves["KL coefficient, spreads of the reward a nat"]]
        # At first the policy is the reference, and the way is free to get cheaper; then not.
        assert coefs[1] < coefs[0]
        assert coefs[3] > coefs[2] > coefs[1]
    assert ends[1] < ends[0]


def test_rewards_are_told_in_their_own_units(tiny):
    """A reward a thousand times as large, and shifted, teaches the same."""
    short = SETTINGS.model_copy(update={"num_rounds": 2})
    large = PPOTask(GAME.prompts, drawn, lambda pairs: [1000 * r - 7 for r in judged(pairs)])
    one, other = (practised(tiny, short, game)[0] for game in (GAME, large))
    for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_a_reward_that_is_always_the_same_does_no_harm(tiny):
    short = SETTINGS.model_copy(update={"num_rounds": 1, "num_rollouts": 8})
    flat = PPOTask(GAME.prompts, drawn, lambda pairs: [1.0] * len(pairs))
    policy, _, _ = practised(tiny, short, flat)
    assert all(torch.isfinite(p).all() for p in policy.network.parameters())


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_other_families_practise_too(family, model_folder):
    from acclimate.models.local.huggingface import HuggingFace

    base = HuggingFace(path=str(model_folder(family))).load()
    short = SETTINGS.model_copy(update={"num_rounds": 1, "num_rollouts": 8, "num_epochs": 1})
    _, _, curves = practised(base, short)
    # At the first step old and new probabilities are the same, though the family has dropout.
    assert curves["share of tokens clipped"][0][1] == 0.0
