"""RLHF by PPO: train on a learned reward, with a KL penalty to the base."""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean
from typing import Any, ClassVar

from pydantic import Field

from acclimate.alignment.generate_rollouts import generate_rollouts
from acclimate.alignment.ppo_settings import PolicySettings
from acclimate.alignment.ppo_trainer import PPOPrompt, PPOTask, ppo_policy
from acclimate.alignment.reward_hacking import FinishedPPORun, log_signs
from acclimate.alignment.reward_model import RewardSettings, reward_model, rewards
from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.training.packing import TokenizedExample

NUM_HELD = 200
"""Dev items at most whose right answers are scored after training."""


class PPO(Method):
    """Proximal policy optimisation on a reward from preferences (Ouyang et al. 2022).

    The reward is fitted on preference pairs. The policy, low-rank updates of the base, answers
    prompts and gets the reward less a KL penalty to the base (Ziegler et al. 2019). Advantages
    (Schulman et al. 2016) and the clipped objective (Schulman et al. 2017) change its tokens'
    probabilities. The maths is in `alignment/ppo_loss.py`, a round in `alignment/ppo_trainer.py`.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2203.02155"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "preferences"})
    is_trained: ClassVar[bool] = True

    rank: int = Field(default=8, ge=1)
    """Of the low-rank updates; alpha is twice as much."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak, falling to a tenth; the paper's 9e-6 is for all weights, low-rank ones take ten times
    as much (Schulman et al. 2025)."""
    policy: PolicySettings = PolicySettings()
    """How the policy is trained by PPO."""
    reward: RewardSettings = RewardSettings()
    """How the reward is learned; `best_of_n` shares the reward where the settings are equal."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Fit the reward model, or load it from the store; then train the policy on it."""
        outside = unwrap(base)
        core: Any = outside.core
        judge = reward_model(core, data, self.reward, seed=seed)
        options: dict[str, Any] = {"rank": self.rank, "learning_rate": self.learning_rate}
        policy, rounds = ppo_policy(
            core, ppo_task(outside, judge, data), self.policy, **options, seed=seed
        )
        tuned = outside.rewrap(policy)
        chosen = [(prompt, preference.chosen) for prompt, preference in data.preferred()]
        run = FinishedPPORun(
            rounds[-1].scores,
            rounds[-1].lengths,
            first_score=fmean(rounds[0].scores),
            first_length=fmean(rounds[0].lengths),
            best_known=max(rewards(judge, chosen)),
            target_changes=target_changes(base, tuned, data),
        )
        log_signs(run)
        return tuned


def ppo_task(outside: Unwrapped, judge: Model, data: TrainData) -> PPOTask:
    """Prompts as the base's rewriters render them; answers with the limits of their task."""
    prompts = list(training_prompts(data))
    ppo_prompts = [PPOPrompt(*both) for both in zip(outside.render(prompts), prompts, strict=True)]
    samplings = {task.name: _sampling(task.max_new_tokens, task.stop) for task in data.train}
    longest = max((s.max_new_tokens for s in samplings.values()), default=32)

    def draw(policy: Any, some: Sequence[Prompt], seed: int) -> list[tuple[TokenizedExample, str]]:
        # A preference that names no task is answered as long as the longest of them.
        each = [samplings.get(prompt.task, _sampling(longest)) for prompt in some]
        answers = generate_rollouts(policy, list(zip(some, each, strict=True)), seed=seed)
        return [
            (TokenizedExample(d.prompt_ids, d.answer_ids, route=d.route), d.text) for d in answers
        ]

    return PPOTask(ppo_prompts, draw, partial(rewards, judge))


def target_changes(base: Model, tuned: Model, data: TrainData) -> list[float]:
    """Change of the log-probability of each dev target of the trained tasks, nats."""
    known = {prompt.task for prompt in training_prompts(data)}
    held = [(p, item.target) for p, item in data.pairs("dev") if p.task in known][:NUM_HELD]
    both = zip(tuned.loglikelihood(held), base.loglikelihood(held), strict=True)
    return [after.logprob - before.logprob for after, before in both]


def training_prompts(data: TrainData) -> Iterator[Prompt]:
    """The preferences' prompts, and those of the training items of the same tasks.

    The tasks are those that preferences name; where they name none, all with free answers.
    """
    named = {liked.task for liked in data.preferences if liked.task}
    preferred = [prompt for prompt, _ in data.preferred()]
    items = [
        prompt
        for prompt, _ in data.pairs("train")
        if (prompt.task in named if named else not prompt.choices)
    ]
    # A prompt with several pairs counts once.
    yield from {(prompt.task, prompt.question): prompt for prompt in [*preferred, *items]}.values()


def _sampling(max_new_tokens: int, stop: tuple[str, ...] = ()) -> Sampling:
    """At temperature 1, the policy's own distribution: the maths of PPO holds for no other."""
    return Sampling(temperature=1.0, max_new_tokens=max_new_tokens, stop=stop)
