"""Reinforcement learning of a policy, in rounds of writing, judging and learning.

In a round the policy answers prompts as it is now; a reward judges whole answers; what the way from
the reference costs is taken off, token by token; advantages say which tokens did better than was
expected; and a few passes make those likelier, each only so far (Ouyang et al. 2022, section 3.5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np
import torch

from acclimate.alignment.advantages import ScoredRollouts, score_rollouts
from acclimate.alignment.ppo_loss import next_kl_coef, ppo_loss
from acclimate.alignment.ppo_settings import PolicySettings
from acclimate.alignment.reward_model import head_share
from acclimate.alignment.rollouts import Draw, Rollout, RolloutBatch, RolloutSource
from acclimate.alignment.token_logprobs import answer_logits
from acclimate.core.model import NeuralModel
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import log_point
from acclimate.core.runtime.seeding import derive, seed_everything
from acclimate.nn.adapters.low_rank import ALL_LINEAR, LowRank
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.nn.adapters.value_head import VALUE_HEAD, ValueHead
from acclimate.training.arguments import TrainingArguments
from acclimate.training.run import Run
from acclimate.training.trainer import train

RewardFunction = Callable[[Sequence[tuple[Prompt, str]]], list[float]]
"""From prompts, each with an answer, to rewards."""


class PPOPrompt(NamedTuple):
    """A prompt to practise on."""

    rendered: Prompt
    """As the policy reads it."""
    plain: Prompt
    """As the judge reads it."""


@dataclass(frozen=True)
class PPOTask:
    """What is asked, who answers, and what is wanted."""

    asked: Sequence[PPOPrompt]
    draw: Draw
    judge: RewardFunction


@dataclass(frozen=True)
class RoundStats:
    """What came of one."""

    scores: list[float]
    """Rewards, as the judge gave them."""
    lengths: list[int]
    """Tokens of the answers."""


def ppo_policy(
    core: Any,
    game: PPOTask,
    settings: PolicySettings,
    *,
    rank: int,
    learning_rate: float,
    seed: int,
) -> tuple[NeuralModel, list[RoundStats]]:
    """Low-rank updates of a base, trained to be rewarded; and how each round went.

    The reference is the base itself, which shares its weights. Values come from a head on the
    policy's own body (Ziegler et al. 2019), which is taken off in the end.
    Differs: Ouyang et al. train a second network for them, begun from the reward model.

    Args:
        core: The base.
        game: Prompts, and how answers are drawn and judged.
        settings: How it practises.
        rank: Of the updates; alpha is twice as much.
        learning_rate: Peak; ten times as much for the head of values.
        seed: Of new weights, prompts, answers and order.
    """
    seed_everything(seed)
    form = LowRank(rank, 2.0 * rank, 0.0, ALL_LINEAR)
    policy = core.adapted(lambda network: PeftAdapter.new(network, form.config(network)))
    setattr(policy.network, VALUE_HEAD, ValueHead(policy.network))
    practice = _PPORun(policy, game, settings, seed)
    train(policy.network, _run(practice, learning_rate))
    practice.tell_clipped(settings.num_rounds)
    delattr(policy.network, VALUE_HEAD)
    return policy, practice.rounds


def _run(practice: "_PPORun", learning_rate: float) -> Run:
    settings, seed = practice.settings, practice.seed
    steps_per_round = settings.num_epochs * -(-settings.num_rollouts // settings.batch_size)
    source = RolloutSource(
        practice.write,
        steps_per_round,
        settings.batch_size,
        seed,
        is_seq2seq=bool(practice.policy.network.config.is_encoder_decoder),
    )
    plan = TrainingArguments(
        num_steps=settings.num_rounds * steps_per_round,
        learning_rate=learning_rate,
        schedule="linear",
        weight_decay=0.0,
        max_spike=_ANY_SPIKE,
    )
    return Run(source, plan, seed, loss=practice.loss, share=head_share)


_ANY_SPIKE = 1e9
"""The objective lies about zero: many times its median means nothing."""


@dataclass
class _PPORun:
    """A policy at practice."""

    policy: Any
    game: PPOTask
    settings: PolicySettings
    seed: int
    rounds: list[RoundStats] = field(default_factory=list)
    kl_coef: float = 0.0
    units: tuple[float, float] = (0.0, 1.0)
    """Mean and spread of the rewards of what the reference writes: scores are told in them, so
    that one penalty suits any reward (Ziegler et al. 2019, section 2.1)."""
    num_clipped: int = 0
    num_learned: int = 0

    def write(self, number: int) -> list[Rollout]:
        """The answers of a round, judged and weighed."""
        if number:
            self.tell_clipped(number)
        else:
            self.kl_coef = self.settings.kl_coef
        asked = self._asked(number)
        self.policy.network.eval()
        seed = derive(self.seed, "answers", number)
        drawn = self.game.draw(self.policy, [one.rendered for one in asked], seed)
        said = zip(asked, drawn, strict=True)
        scores = self.game.judge([(one.plain, text) for one, (_, text) in said])
        if not number:
            self.units = float(np.mean(scores)), float(np.std(scores)) or 1.0
        examples = [example for example, _ in drawn]
        self.rounds.append(RoundStats(scores, [len(example.answer) for example in examples]))
        found = score_rollouts(
            self.policy.network,
            self.policy.adapter_of.network,
            examples,
            [(score - self.units[0]) / self.units[1] for score in scores],
            kl_coef=self.kl_coef,
            gae_lambda=self.settings.gae_lambda,
        )
        self._tell(number, found)
        self.kl_coef = next_kl_coef(self.kl_coef, found.kl, self.settings.target_kl)
        return found.rollouts

    def loss(self, network: Any, batch: RolloutBatch) -> torch.Tensor:
        """Objective, values and entropy, summed over the batch's tokens."""
        now, old = answer_logits(network, batch), batch.experience.to(network.device)
        values, settings = network.value_head(now.hidden), self.settings
        found = ppo_loss(now.logprobs, values, old, clip_range=settings.clip_range)
        self.num_clipped += found.num_clipped
        self.num_learned += len(now.tokens)
        bonus = settings.entropy_coef * now.entropies.sum()
        return found.policy + settings.value_coef * found.value - bonus

    def _asked(self, number: int) -> list[PPOPrompt]:
        """A round's prompts: all in turn, in an order of the round's own."""
        rng = np.random.default_rng(derive(self.seed, "prompts", number))
        order = cycle(rng.permutation(len(self.game.asked)).tolist())
        return [self.game.asked[i] for i in islice(order, self.settings.num_rollouts)]

    def _tell(self, number: int, found: ScoredRollouts) -> None:
        at = partial(log_point, step=number)
        at("mean reward", value=float(np.mean(self.rounds[-1].scores)))
        at("KL to the reference, nats an answer", value=found.kl)
        at("mean length of an answer, tokens", value=float(np.mean(self.rounds[-1].lengths)))
        at("entropy, nats a token", value=found.entropy)
        at("KL coefficient, spreads of the reward a nat", value=self.kl_coef)

    def tell_clipped(self, number: int) -> None:
        """How much of the round before was clipped: much means too long a step."""
        share = self.num_clipped / max(1, self.num_learned)
        log_point("share of tokens clipped", number - 1, share)
        self.num_clipped = self.num_learned = 0
