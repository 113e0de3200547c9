"""PPO in rounds of sampling answers, scoring them and updating the policy.

In a round the policy answers prompts as it is now; a reward scores whole answers; the KL penalty is
taken off, token by token; advantages show which tokens did better than expected; and a few passes
make those likelier, within the clipping range (Ouyang et al. 2022, section 3.5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np
import torch

from acclimate.alignment.ppo_loss import next_kl_coef, ppo_loss
from acclimate.alignment.ppo_settings import PolicySettings
from acclimate.alignment.reward_model import head_share
from acclimate.alignment.rollouts import Draw, Rollout, RolloutBatch, RolloutSource
from acclimate.alignment.score_rollouts import ScoredRollouts, score_rollouts
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
    """A prompt of the training."""

    rendered: Prompt
    """As the policy reads it."""
    plain: Prompt
    """As the reward reads it."""


@dataclass(frozen=True)
class PPOTask:
    """Prompts, the sampling of their answers, and their reward."""

    prompts: Sequence[PPOPrompt]
    draw: Draw
    judge: RewardFunction


@dataclass(frozen=True)
class RoundStats:
    """Rewards and lengths of the answers of a round."""

    scores: list[float]
    """Rewards, as the reward function gave them."""
    lengths: list[int]
    """Tokens of the answers."""


def ppo_policy(
    core: Any,
    task: PPOTask,
    settings: PolicySettings,
    *,
    rank: int,
    learning_rate: float,
    seed: int,
) -> tuple[NeuralModel, list[RoundStats]]:
    """Train low-rank updates of a base by PPO; gives the policy, and the numbers of each round.

    The reference is the base itself, which shares its weights. Values come from a head on the
    policy's own body (Ziegler et al. 2019), which is removed in the end.
    Differs: Ouyang et al. train a second network for them, begun from the reward model.

    Args:
        core: The base.
        task: Prompts, and how answers are sampled and scored.
        settings: Of PPO.
        rank: Of the updates; alpha is twice as much.
        learning_rate: Peak; ten times as much for the value head.
        seed: Of new weights, prompts, answers and order.
    """
    seed_everything(seed)
    form = LowRank(rank, 2.0 * rank, 0.0, ALL_LINEAR)
    policy = core.adapted(lambda network: PeftAdapter.new(network, form.config(network)))
    setattr(policy.network, VALUE_HEAD, ValueHead(policy.network))
    run = _PPORun(policy, task, settings, seed)
    train(policy.network, _run(run, learning_rate))
    run.log_clipped(settings.num_rounds)
    delattr(policy.network, VALUE_HEAD)
    return policy, run.rounds


def _run(run: "_PPORun", learning_rate: float) -> Run:
    settings, seed = run.settings, run.seed
    steps_per_round = settings.num_epochs * -(-settings.num_rollouts // settings.batch_size)
    source = RolloutSource(
        run.write,
        steps_per_round,
        settings.batch_size,
        seed,
        is_seq2seq=bool(run.policy.network.config.is_encoder_decoder),
    )
    arguments = TrainingArguments(
        num_steps=settings.num_rounds * steps_per_round,
        learning_rate=learning_rate,
        schedule="linear",
        weight_decay=0.0,
        max_spike=_ANY_SPIKE,
    )
    return Run(source, arguments, seed, loss=run.loss, lr_scale=head_share)


_ANY_SPIKE = 1e9
"""No limit: the objective lies about zero, and many times its median means nothing."""


@dataclass
class _PPORun:
    """The state of a PPO run: policy, rounds so far, KL coefficient."""

    policy: Any
    task: PPOTask
    settings: PolicySettings
    seed: int
    rounds: list[RoundStats] = field(default_factory=list)
    kl_coef: float = 0.0
    units: tuple[float, float] = (0.0, 1.0)
    """Mean and standard deviation of the rewards of the first round: scores are normalized by them,
    so that one penalty suits any reward (Ziegler et al. 2019, section 2.1)."""
    num_clipped: int = 0
    num_learned: int = 0

    def write(self, number: int) -> list[Rollout]:
        """Sample the answers of a round, score them, and give them with their advantages."""
        if number:
            self.log_clipped(number)
        else:
            self.kl_coef = self.settings.kl_coef
        prompts = self._round_prompts(number)
        self.policy.network.eval()
        seed = derive(self.seed, "answers", number)
        drawn = self.task.draw(self.policy, [prompt.rendered for prompt in prompts], seed)
        answered = zip(prompts, drawn, strict=True)
        scores = self.task.judge([(prompt.plain, text) for prompt, (_, text) in answered])
        if not number:
            self.units = float(np.mean(scores)), float(np.std(scores)) or 1.0
        examples = [example for example, _ in drawn]
        self.rounds.append(RoundStats(scores, [len(example.answer) for example in examples]))
        scored = score_rollouts(
            self.policy.network,
            self.policy.adapter_of.network,
            examples,
            [(score - self.units[0]) / self.units[1] for score in scores],
            kl_coef=self.kl_coef,
            gae_lambda=self.settings.gae_lambda,
        )
        self._log_round(number, scored)
        self.kl_coef = next_kl_coef(self.kl_coef, scored.kl, self.settings.target_kl)
        return scored.rollouts

    def loss(self, network: Any, batch: RolloutBatch) -> torch.Tensor:
        """Losses of policy and values less the entropy bonus, summed over the batch's tokens."""
        now, old = answer_logits(network, batch), batch.experience.to(network.device)
        values, settings = network.value_head(now.hidden), self.settings
        losses = ppo_loss(now.logprobs, values, old, clip_range=settings.clip_range)
        self.num_clipped += losses.num_clipped
        self.num_learned += len(now.tokens)
        bonus = settings.entropy_coef * now.entropies.sum()
        return losses.policy + settings.value_coef * losses.value - bonus

    def _round_prompts(self, number: int) -> list[PPOPrompt]:
        """A round's prompts: each in turn, in an order drawn for the round."""
        rng = np.random.default_rng(derive(self.seed, "prompts", number))
        order = cycle(rng.permutation(len(self.task.prompts)).tolist())
        return [self.task.prompts[i] for i in islice(order, self.settings.num_rollouts)]

    def _log_round(self, number: int, scored: ScoredRollouts) -> None:
        log = partial(log_point, step=number)
        log("mean reward", value=float(np.mean(self.rounds[-1].scores)))
        log("KL to the reference, nats an answer", value=scored.kl)
        log("mean length of an answer, tokens", value=float(np.mean(self.rounds[-1].lengths)))
        log("entropy, nats a token", value=scored.entropy)
        log("KL coefficient, spreads of the reward a nat", value=self.kl_coef)

    def log_clipped(self, number: int) -> None:
        """Log the share of clipped tokens of the round before: many mean too large a step."""
        share = self.num_clipped / max(1, self.num_learned)
        log_point("share of tokens clipped", number - 1, share)
        self.num_clipped = self.num_learned = 0
